package traces

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"leafmesh/mesh/cause"
)

// spanKey is under what OpenTelemetry keeps the present span in a context. It is not exported, so a
// context is asked that tells what it was asked for.
var spanKey = func() any {
	p := &probe{Context: context.Background()}
	trace.SpanFromContext(p)
	return p.asked
}()

type probe struct {
	context.Context
	asked any
}

// Value implements context.Context.
func (p *probe) Value(key any) any {
	p.asked = key
	return nil
}

// Begin implements mesh.Tracer: it remembers in which span a cascade begins.
func (e *Exporter) Begin(ctx context.Context, root cause.ID) {
	if began := trace.SpanContextFromContext(ctx); began.IsValid() {
		e.requests.add(root, began)
	}
}

// Value implements mesh.Tracer: what a handler asks of others with its context is a part of its
// handling's span.
func (e *Exporter) Value(h cause.Header, handler string, key any) any {
	if key != spanKey {
		return nil
	}
	span := contextOf(h.Root, handlingSpan(h.ID, e.node.Name(), "handler "+handler))
	return trace.SpanFromContext(trace.ContextWithRemoteSpanContext(context.Background(), span))
}
