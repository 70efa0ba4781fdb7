package mesh

import (
	"context"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Tracer makes traces of what a node records: package traces has one. Its methods are called by
// many goroutines at once, and must not block.
type Tracer interface {
	// Begin is told of an event that begins a cascade, with the context with which it is emitted or
	// staged. It is called before the event takes effect, which a full outbox may still prevent.
	Begin(ctx context.Context, root cause.ID)
	// Value returns what the context of a handler holds for a key while it is called for the event
	// of h; nil: nothing.
	Value(h cause.Header, handler string, key any) any
	// Keep is told what the node keeps of cascades: of those in which something went wrong or took
	// long, here or on another node, of those that somebody asked for, and of those that
	// why.Sampled chooses. What comes later of a cascade comes later, and a record may come twice.
	Keep(records []why.Record)
	// Stats tells what became of the spans.
	Stats() stats.Traces
}

// tracing is the tracer that a node has now; nil: none.
type tracing struct{ atomic.Pointer[Tracer] }

// begins tells the tracer of an event, if that begins a cascade.
func (now *tracing) begins(ctx context.Context, h *cause.Header) {
	if t := now.Load(); t != nil && h.Root == h.ID {
		(*t).Begin(ctx, h.ID)
	}
}

// keep tells the tracer what the archive has put on its shelves.
func (now *tracing) keep(records []why.Record) {
	if t := now.Load(); t != nil {
		(*t).Keep(records)
	}
}

// stats tells what became of the spans; nil: the node is not traced.
func (now *tracing) stats() *stats.Traces {
	t := now.Load()
	if t == nil {
		return nil
	}
	s := (*t).Stats()
	return &s
}
