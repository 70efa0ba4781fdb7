package traces

import "go.opentelemetry.io/otel/trace"

// recent remembers the ids that came last. The zero value has none.
type recent struct {
	known  map[trace.SpanID]bool
	order  []trace.SpanID // a ring, once it is full
	oldest int
}

// maxRecent is how many ids are remembered, two for each record that was queued.
const maxRecent = 2 * 8192

func (r *recent) has(id trace.SpanID) bool { return r.known[id] }

func (r *recent) add(id trace.SpanID) {
	if r.known[id] {
		return
	}
	if r.known == nil {
		r.known = map[trace.SpanID]bool{}
	}
	r.known[id] = true
	if len(r.order) < maxRecent {
		r.order = append(r.order, id)
		return
	}
	delete(r.known, r.order[r.oldest])
	r.order[r.oldest] = id
	r.oldest = (r.oldest + 1) % maxRecent
}
