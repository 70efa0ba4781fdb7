package traces

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// The ids of traces and spans follow from what they are of. They are part of what nodes have to
// agree upon: a node that makes them in another way breaks traces apart.

// traceOf is the trace of a cascade.
func traceOf(root cause.ID) trace.TraceID { return trace.TraceID(root) }

// emitSpan is the span of an event's emit: the half of its id that chance, or a hash, made.
func emitSpan(event cause.ID) trace.SpanID { return trace.SpanID(event[8:]) }

// handlingSpan is the span of an event's handling at a place of a node.
func handlingSpan(event cause.ID, node, place string) trace.SpanID {
	return stepSpan(event, node, place, "", 0)
}

// spanID is the span of a record, if the event came to the place once.
func spanID(r *why.Record) trace.SpanID {
	switch r.Outcome {
	case stats.Admitted:
		return emitSpan(r.Event)
	case stats.Handled, stats.Failed:
		return handlingSpan(r.Event, r.Node, r.Place)
	case stats.Retried, stats.Returned:
		return stepSpan(r.Event, r.Node, r.Place, string(r.Outcome), r.At)
	}
	return stepSpan(r.Event, r.Node, r.Place, string(r.Outcome)+" "+r.Rule, r.At)
}

// ofRecord is an id that no other record has.
func ofRecord(r *why.Record) trace.SpanID {
	return stepSpan(r.Event, r.Node, r.Place, fmt.Sprint("record ", r.Outcome, " ", r.Rule, " ", int64(r.Took)), r.At)
}

// stepSpan is the span of one of several steps at a place: at tells when it began, in nanoseconds
// since 1970.
func stepSpan(event cause.ID, node, place, outcome string, at int64) (id trace.SpanID) {
	h := sha256.New()
	h.Write(event[:])
	for _, text := range []string{node, place, outcome} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) // so that no two lists of texts look the same
		h.Write([]byte(text))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(at)))
	copy(id[:], h.Sum(nil))
	return id
}

// contextOf is what travels on with what a handler asks of others.
func contextOf(root cause.ID, span trace.SpanID) trace.SpanContext {
	var flags trace.TraceFlags
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceOf(root), SpanID: span, Remote: true,
		TraceFlags: flags.WithSampled(why.Sampled(root))})
}
