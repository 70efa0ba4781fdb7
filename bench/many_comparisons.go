package main

import "leafmesh/mesh"

// Rules that let everything pass, and one that refuses nearly everything.
var (
	roomy      = mesh.Limit{Rate: 1e9, Burst: 1e6}
	threeRules = []mesh.Rule{{Event: ">", Limit: roomy}, {Event: ">", By: mesh.ByKey, Limit: roomy}, {Event: ">", By: mesh.ByRoot, Limit: roomy}}
	noRoom     = []mesh.Rule{{Event: ">", Limit: mesh.Limit{Rate: 1e-3, Burst: 1}}}
)

// manyComparisons lists those of more than one: emitters, handlers, types, keys, rules, nodes.
func manyComparisons(events int, log string) []comparison {
	one := shape{name: "leafmesh local, one of each", handlers: 1}.side()
	none := shape{name: "leafmesh, emit alone"}.side()
	wider := func(s shape, what string, limit float64) comparison {
		return comparison{s.side(), one, events, 0, []aim{{what: what, metric: cost, limit: limit}}}
	}
	some := func(share int) int { return max(1, events/share) }
	return []comparison{
		{loopback(), codecAlone(), some(100), 0, []aim{{what: "limit: 190 bytes over a TCP loopback, one way", metric: alone}}},
		{shape{name: "leafmesh local, recorder on", handlers: 1}.side(), shape{name: "leafmesh local, recorder off", handlers: 1, recorder: new(mesh.Size(0))}.side(),
			events, 0, []aim{{what: "local: what the recorder adds", metric: added, limit: 45}}},
		wider(shape{name: "leafmesh local, 4 emitters", types: 4, emitters: 4, handlers: 1}, "local: 4 emitters of 4 types", 1.3),
		{fourChannels(), bareChannel(), 2 * events, 0, []aim{{what: "the same with Go channels", metric: cost}}},
		wider(shape{name: "leafmesh local, 10 handlers", handlers: 10}, "width: 10 handlers, a delivery", 1.3),
		wider(shape{name: "leafmesh local, 1,000 types", types: 1000, handlers: 1, burst: 64}, "width: 1,000 types, 64 events of each", 1.3),
		wider(shape{name: "leafmesh local, 1,000 types in turn", types: 1000, handlers: 1}, "width: 1,000 types in turn", 0),
		wider(shape{name: "leafmesh local, 10,000 wildcards", handlers: 1, others: 10_000}, "width: 10,000 handlers with wildcards", 1.3),
		wider(shape{name: "leafmesh local, 1,000,000 keys", handlers: 1, keys: 1_000_000}, "width: 1,000,000 keys", 1.3),
		wider(shape{name: "leafmesh local, exported", handlers: 1, exported: true}, "width: an export that nobody imports", 1.1),
		{shape{name: "leafmesh, three rules", rules: threeRules}.side(), none, events, 0, []aim{{what: "width: what three rules add", metric: added, limit: 150}}},
		{shape{name: "leafmesh, refused", rules: noRoom, refused: true}.side(), none, events, 0, []aim{{what: "width: a refusal in a storm", metric: alone, limit: 90}}},
		{meshLoggedLink(log, loggedBatch), cloudEvents(log), some(20), 0, []aim{
			{what: "bytes: an event of the log", metric: size, limit: 0.35},
			{what: "bytes: the median envelope", metric: envelope, limit: 64},
		}},
		{meshLoggedLink(log, 1), cloudEvents(log), some(20), 0, []aim{
			{what: "bytes: an event that has a message of its own", metric: size},
			{what: "bytes: its median envelope", metric: envelope},
		}},
		{meshCodec(), cloudEvents(log), some(20), 0, []aim{{what: "bytes: encode and decode", metric: cost, limit: 0.25}}},
		{meshLogged(log), cloudEvents(log), some(20), 0, []aim{{what: "bytes: encode and decode, with gate and queues", metric: cost}}},
		{meshOpened(false), meshOpened(true), 3, 0, []aim{{what: "nodes: open and ready, three linked", metric: alone, limit: 100e6}}},
		{idleProcess("leafmesh"), idleProcess("leaf"), 1, 0, []aim{
			{what: "nodes: memory of an idle one", metric: resident, limit: 1.5},
			{what: "nodes: processor time of an idle one", metric: idling, limit: 2},
		}},
	}
}
