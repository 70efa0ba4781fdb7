package mesh

import (
	"fmt"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

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

// Writable says why the node's outbox takes no events, as of a second ago: a bound is reached, or
// the disk cannot be written. Emit of a durable export then returns ErrOutboxFull or ErrOutboxDisk,
// and errors.Is finds the same here. Nil: it takes some, or the node has no durable export.
func (n *Node) Writable() error {
	if n.kept == nil {
		return nil
	}
	return n.kept.Writable()
}

// Trace lets t trace the node from now on, in place of the one before; nil ends it. A node without
// a recorder cannot be traced, which is an error.
func (n *Node) Trace(t Tracer) error {
	switch {
	case t == nil:
		n.tracer.Store(nil)
	case n.recorder == nil:
		return fmt.Errorf("mesh: trace node %s: it has no recorder: set recorder in its file", n.name)
	default:
		n.tracer.Store(&t)
	}
	return nil
}

// keptRecords tells the tracer what the archive has put on its shelves.
func (n *Node) keptRecords(records []why.Record) {
	if t := n.tracer.Load(); t != nil {
		(*t).Keep(records)
	}
}

// traces tells what became of the spans; nil: the node is not traced.
func (n *Node) traces() *stats.Traces {
	t := n.tracer.Load()
	if t == nil {
		return nil
	}
	s := (*t).Stats()
	return &s
}
