package mesh

import (
	"context"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Tracer makes traces of what a node records: package traces has one. Its methods are called by many
// goroutines at once, and must not block.
type Tracer interface {
	// Begin is told of an event that begins a cascade, with the context with which it is emitted or
	// staged. It is called before the event takes effect, which a full outbox may still prevent.
	Begin(ctx context.Context, root cause.ID)
	// Value returns what the context of a handler holds for a key while it is called for the event of
	// h; nil: nothing.
	Value(h cause.Header, handler string, key any) any
	// Keep is told what the node keeps of cascades: of those in which something went wrong or took
	// long, here or on another node, of those that somebody asked for, and of those that why.Sampled
	// chooses. What comes later of a cascade comes later, and a record may come twice.
	Keep(records []why.Record)
	// Stats tells what became of the spans.
	Stats() stats.Traces
}

// Trace lets t trace the node from now on, in place of the one before; nil ends it. A node without a
// recorder cannot be traced, which is an error.
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

// begins tells the tracer of an event, if that begins a cascade.
func (f *flow) begins(ctx context.Context, h *cause.Header) {
	if t := f.tracer.Load(); t != nil && h.Root == h.ID {
		(*t).Begin(ctx, h.ID)
	}
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
