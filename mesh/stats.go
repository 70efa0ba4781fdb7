package mesh

import (
	"fmt"
	"slices"

	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Stats returns the node's counters. It may be called at any time, also after Close.
func (n *Node) Stats() stats.Stats {
	now, wall := n.clock.Wall(), n.clock.True()
	imports, durables := n.peers.Inlets.Stats() // first: it counts what the clients dropped
	return stats.Stats{
		Node:           n.name,
		At:             wall,
		Counts:         n.trace.Counts(),
		Links:          n.peers.States(operations.Links(n.leaf)),
		Version:        release.Version(),
		Wire:           wire.TalkVersion,
		Health:         n.Health(),
		Waiting:        n.workers.Depth() + n.elsewhere(),
		Lines:          n.gate.Lines(),
		Slow:           n.slow(),
		Cascades:       n.guard.Stats(),
		Outbox:         operations.Outbox(n.kept, now),
		Imports:        imports,
		DurableImports: durables,
		Letters:        n.storage.Letters.Stats(now),
		Recorder:       n.recorded(),
		Traces:         n.tracer.stats(),
		Changes:        n.changes.List(),
	}
}

// recorded tells how full the memory of cascades is; nil if there is none.
func (n *Node) recorded() *stats.Recorder {
	seen := n.memory.Stats()
	if seen != nil {
		seen.Untold = n.neighbours.Untold()
	}
	return seen
}

// Retrying lists the events that handlers of this node failed and are to be given again, the next
// to come first. It may be called at any time.
func (n *Node) Retrying() []stats.Retrying {
	list := append(n.rests.Retrying(), n.peers.Inlets.Retrying()...)
	slices.SortFunc(list, func(a, b stats.Retrying) int { return a.NextAt.Compare(b.NextAt) })
	return list
}

// Graph returns the node's graph at this moment, in a fixed order. It may be called at any time,
// also after Close. The counts are read one after the other while events flow.
//
// A node sees its own handlers' edges. A cycle that goes over several nodes is found in their
// merged graph; see [graph.Merge].
func (n *Node) Graph() graph.Graph {
	types, present := map[string]graph.Type{}, n.present.Load()
	for subject := range n.table.Load().types {
		types[subject] = graph.Type{Type: subject, Exported: present.Export(subject) != nil, Imported: present.HasImport(subject)}
	}
	return operations.Graph(n.config, types, n.trace)
}

// Measure begins to measure how long events wait, are handled, and took over links. Until then no
// event pays for it. It cannot be ended. Call it before the first event, or what was under way is
// left out.
func (n *Node) Measure() { n.trace.Measure(n.clock) }

// Durations returns how long events took since [Node.Measure], in a fixed order. The events of a
// type at a handler are all measured up to 32 in 5 ms, which is 6400 a second, and of the others
// one of 32, which counts for those since the one before.
//
// It may be called at any time, also after Close. The histograms are bounded: the first 256 pairs
// of a type and a handler have their own, and so have as many peers. All others share one.
func (n *Node) Durations() []stats.Durations { return n.trace.Durations() }

// Trace lets t trace the node from now on, in place of the one before; nil ends it. A node without
// a recorder cannot be traced, which is an error.
func (n *Node) Trace(t Tracer) error {
	switch {
	case t == nil:
		n.tracer.Store(nil)
	case !n.memory.Records():
		return fmt.Errorf("mesh: trace node %s: it has no recorder: set recorder in its file", n.name)
	default:
		n.tracer.Store(&t)
	}
	return nil
}
