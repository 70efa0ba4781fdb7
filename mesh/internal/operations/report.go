package operations

import (
	"maps"
	"slices"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Links lists a server's links with what crossed them.
func Links(server *leaf.Server) []stats.Link {
	links := []stats.Link{} // a list in JSON, also without entries
	for _, l := range server.Links() {
		link := stats.Link{Peer: l.Peer, Direction: "imports", Connected: l.Connected,
			MessagesIn: l.MessagesIn, MessagesOut: l.MessagesOut, BytesIn: l.BytesIn, BytesOut: l.BytesOut}
		switch l.Direction {
		case leaf.Inbound:
			link.Direction = "exports"
		case leaf.ToHubs:
			link.Direction = "hub"
		}
		links = append(links, link)
	}
	return links
}

// Outbox tells what a store keeps; nil for none. now is the present time, in nanoseconds since
// 1970.
func Outbox(store *outlet.Store, now int64) *stats.Outbox {
	kept, ok := store.Stats()
	if !ok {
		return nil
	}
	s := &stats.Outbox{Events: kept.Events, Bytes: kept.Bytes}
	if !kept.OldestAt.IsZero() {
		s.Oldest = max(0, clock.Since(now, kept.OldestAt)) // another clock read that one
	}
	for _, r := range kept.Readers {
		s.Readers = append(s.Readers, stats.OutboxReader{Service: r.Service, Type: r.Subject, Known: r.Exists,
			Backlog: r.Pending + uint64(r.Unacked) + uint64(r.Aside), UnderWay: r.Unacked, Aside: r.Aside, AsideBytes: r.AsideBytes, Redelivered: r.Redelivered, Lost: r.Lost})
	}
	return s
}

// Graph makes a node's graph of what its trace has learned and its handlers declare. types has the
// event types known there.
func Graph(c config.Node, types map[string]graph.Type, trace *steps.Trace) graph.Graph {
	service := config.ServiceOf(c.Name)
	g := graph.Graph{Nodes: []string{c.Name}, Types: slices.Collect(maps.Values(types)), Other: trace.OtherEdges()}
	type pair struct{ from, to, handler string }
	seen := map[pair]bool{}
	for _, e := range trace.Edges() {
		edge := graph.Edge{From: e.From.Type, To: e.To.Subject, Handler: e.From.Place.Handler, Service: service,
			Count: e.Emitted(), Refused: e.Refused(), Handled: e.From.Done()}
		g.Edges = append(g.Edges, edge)
		seen[pair{edge.From, edge.To, edge.Handler}] = true
	}
	for _, e := range graph.Declared(c.Handlers, slices.Collect(maps.Keys(types))) {
		e.Service = service
		if p := (pair{e.From, e.To, e.Handler}); !seen[p] {
			seen[p] = true // declared twice it is counted once
			e.Handled = trace.Done(e.From, steps.AtHandler(e.Handler))
		}
		g.Edges = append(g.Edges, e)
	}
	return graph.Merge(g)
}
