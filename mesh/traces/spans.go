package traces

import (
	"strings"

	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// facts are what spans have to know beside the records that they are made of.
type facts struct {
	// emitters are the handlers that emit one type for another.
	emitters map[edge][]string
	// durable are the types that the node takes out of outboxes.
	durable map[string]bool
}

// edge leads from the type of an event to that of one that its handler emits.
type edge struct{ from, to string }

// hasSpan reports whether records of an outcome have a span: an emit, a call of a handler and each
// end that is not the usual one do.
func hasSpan(o stats.Outcome) bool {
	switch o {
	case stats.Admitted, stats.Handled, stats.Failed, stats.Retried, stats.Returned,
		stats.Refused, stats.Shed, stats.Lost, stats.Rerooted, stats.DeadLettered:
		return true
	}
	return false
}

// spanOf makes the span of a record that has one.
func (f *facts) spanOf(r *queued) *tracepb.Span {
	switch r.Outcome {
	case stats.Admitted:
		return f.emitted(r)
	case stats.Handled, stats.Failed:
		return f.handled(r, "handle "+r.Type)
	case stats.Retried, stats.Returned:
		return f.handled(r, "try "+r.Type)
	}
	return f.stopped(r)
}

// emitted is the span of an emit. It takes no time.
func (f *facts) emitted(r *queued) *tracepb.Span {
	s := newSpan(r, "emit "+r.Type, tracepb.Span_SPAN_KIND_PRODUCER)
	f.causedBy(s, r)
	return s
}

// causedBy makes a span one of the handling whose handler emitted the event of a record. That of a
// root is linked with what the cascade began in: an HTTP request, or a handler of another cascade.
func (f *facts) causedBy(s *tracepb.Span, r *queued) {
	if r.Event != r.Root {
		s.ParentSpanId = bytesOf(f.causeOf(r))
		return
	}
	if r.began.IsValid() {
		id := r.began.TraceID()
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: id[:], SpanId: bytesOf(r.began.SpanID())})
	}
	if !r.Parent.IsZero() {
		s.Attributes = append(s.Attributes, text("leafmesh.parent", r.Parent.String()))
	}
}

// causeOf is the span of the handling whose handler emitted the event of a record. Where several
// handlers of a type emit another one it is not known which did, and the span is that of the emit
// before.
func (f *facts) causeOf(r *queued) trace.SpanID {
	if len(r.Path) > 1 {
		_, from, _ := strings.Cut(r.Path[len(r.Path)-2], ":")
		if handlers := f.emitters[edge{from, r.Type}]; len(handlers) == 1 {
			return handlingSpan(r.Parent, r.Node, "handler "+handlers[0])
		}
	}
	return emitSpan(r.Parent)
}

// handled is the span of a call of a handler.
func (f *facts) handled(r *queued, name string) *tracepb.Span {
	s := newSpan(r, name, tracepb.Span_SPAN_KIND_CONSUMER)
	s.EndTimeUnixNano = uint64(r.End())
	f.follows(s, r)
	s.Attributes = append(s.Attributes, text("leafmesh.handler", strings.TrimPrefix(r.Place, "handler ")))
	if r.Outcome != stats.Handled {
		s.Status = failed(&r.Record)
	}
	return s
}

// stopped is the span of the end of an event that no handler brought about.
func (f *facts) stopped(r *queued) *tracepb.Span {
	s := newSpan(r, strings.TrimSpace(string(r.Outcome)+" "+r.Type), tracepb.Span_SPAN_KIND_INTERNAL)
	if r.Place == "emit" { // it has no span of its emit, as it never was
		f.causedBy(s, r)
	} else {
		f.follows(s, r)
	}
	s.Status = failed(&r.Record)
	return s
}

// follows makes a span one of the emit of its event, or links it with that if the event came out of
// the outbox of another node: it may have waited there for days.
func (f *facts) follows(s *tracepb.Span, r *queued) {
	emit := bytesOf(emitSpan(r.Event))
	if origin, _, _ := strings.Cut(last(r.Path), ":"); f.durable[r.Type] && origin != r.Node {
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: s.TraceId, SpanId: emit})
		return
	}
	s.ParentSpanId = emit
}

// newSpan makes a span that takes no time.
func newSpan(r *queued, name string, kind tracepb.Span_SpanKind) *tracepb.Span {
	trace := traceOf(r.Root)
	s := &tracepb.Span{TraceId: trace[:], SpanId: bytesOf(r.span), Name: name, Kind: kind, Flags: 1,
		StartTimeUnixNano: uint64(r.At), EndTimeUnixNano: uint64(r.At),
		Attributes: []*commonpb.KeyValue{
			text("messaging.system", "leafmesh"), text("messaging.destination.name", r.Type), text("messaging.message.id", r.Event.String()),
			text("leafmesh.node", r.Node), text("leafmesh.outcome", string(r.Outcome)),
		}}
	switch kind {
	case tracepb.Span_SPAN_KIND_PRODUCER:
		s.Attributes = append(s.Attributes, text("messaging.operation.type", "send"))
	case tracepb.Span_SPAN_KIND_CONSUMER:
		s.Attributes = append(s.Attributes, text("messaging.operation.type", "process"))
	}
	for _, a := range []struct{ name, value string }{
		{"leafmesh.key", r.Key}, {"leafmesh.place", r.Place}, {"leafmesh.rule", r.Rule}, {"leafmesh.path", strings.Join(r.Path, " → ")},
	} {
		if a.value != "" {
			s.Attributes = append(s.Attributes, text(a.name, a.value))
		}
	}
	if r.Count > 1 { // of a storm, one in so many is recorded
		s.Attributes = append(s.Attributes, &commonpb.KeyValue{Key: "leafmesh.count", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(r.Count)}}})
	}
	return s
}

func failed(r *why.Record) *tracepb.Status {
	message := r.Error
	if message == "" {
		message = strings.TrimSpace(string(r.Outcome) + " " + r.Rule)
	}
	return &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: message}
}

func text(name, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: strings.ToValidUTF8(value, "?")}}}
}

func bytesOf(id trace.SpanID) []byte { return id[:] }

func last(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}
