package traces

import (
	"sync"

	"go.opentelemetry.io/otel/trace"

	"leafmesh/mesh/cause"
)

// maxRequests is how many contexts are remembered, of some 100 bytes each: that of a cascade is
// asked for when it is kept, mostly within the second.
const maxRequests = 4096

// requests are the contexts in which cascades began, the newest maxRequests. The zero value has
// none.
type requests struct {
	mu        sync.Mutex
	of        map[cause.ID]trace.SpanContext // guarded by mu
	order     []cause.ID                     // guarded by mu: a ring, once it is full
	oldest    int                            // guarded by mu: its index in order
	forgotten uint64                         // guarded by mu
}

func (r *requests) add(root cause.ID, began trace.SpanContext) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[cause.ID]trace.SpanContext{}
	}
	if _, known := r.of[root]; known { // emitted again under its id
		return
	}
	r.of[root] = began.WithTraceState(trace.TraceState{}) // which a client may make as long as a header
	if len(r.order) < maxRequests {
		r.order = append(r.order, root)
		return
	}
	delete(r.of, r.order[r.oldest])
	r.order[r.oldest] = root
	r.oldest = (r.oldest + 1) % maxRequests
	r.forgotten++
}

// get is the context of a root; one that is not valid: it is not known.
func (r *requests) get(root cause.ID) trace.SpanContext {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[root]
}

func (r *requests) lost() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.forgotten
}
