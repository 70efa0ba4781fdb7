package mesh

import (
	"strings"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/delivery"
)

// GraphAlarm says that an edge or a cycle of a node's graph is over the threshold that
// [Config].Alarms sets.
type GraphAlarm = graph.Alarm

// GraphAlarms tell of handlers that emit too much for what they handle, on the node where they do.
// The node looks at its graph each second. It judges a factor by the latest events, at least 10 for
// each worker of the handler, and gives an alarm of one edge or cycle at most once a minute.
//
// An alarm is an early word and no protection: it may come before a cascade reaches its bounds, but
// a storm can reach them within the second. It is a root event that no limit applies to and no
// queue holds up. A handler of it has a queue and workers of its own, and so works while others are
// at their limits; one whose queue is full misses it, and that is counted as shed.
var GraphAlarms = NewEvent[GraphAlarm](alarmSubject)

var graphAlarms = byRuntime(GraphAlarms)

// alarm tells of an edge or a cycle over its threshold. Unlike other events an alarm does not go to
// all or none: a full queue costs its own handler the event, and no other one.
func (f *flow) alarm(a graph.Alarm) {
	f.log.Warn("event graph alarm", "rule", a.Kind, "type", a.Types[0], "path", strings.Join(a.Types, " → "),
		"handler", a.Handler, "value", a.Value, "threshold", a.Threshold)
	r, err := routeOf(f, graphAlarms)
	if err != nil {
		f.log.Warn("operations event not emitted", "type", alarmSubject, "error", err)
		return
	}
	it := delivery.Item{Header: cause.NewRoot(r.root, "", f.clock.Wall())}
	hash := r.targets.Hash("")
	r.deliver(&it, hash, &a, nil, r.targets.ReserveWhereFree(hash))
}
