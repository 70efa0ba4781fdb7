package traces

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// What a span is a part of: of the handling that emitted its event if that is known, else of the
// emit before; an emit that was refused has no span of its own to be a part of.
func TestWhatASpanIsAPartOf(t *testing.T) {
	root, parent, event := cause.ID{1}, cause.ID{8: 2}, cause.ID{8: 3}
	f := &facts{durable: map[string]bool{}, emitters: map[edge][]string{
		{"clue.answer.given", "clue.clue.solved"}: {"judge"}, {"clue.answer.given", "clue.hint.taken"}: {"judge", "help"}}}
	of := func(subject, place string, outcome stats.Outcome) *queued {
		return &queued{Record: why.Record{Node: "clue-1", Root: root, Parent: parent, Event: event, Type: subject, Place: place, Outcome: outcome,
			Path: []string{"clue-1:clue.answer.given", "clue-1:" + subject}}}
	}
	judged := handlingSpan(parent, "clue-1", "handler judge")
	for name, test := range map[string]struct {
		record *queued
		want   trace.SpanID
	}{
		"emitted by the one handler":      {of("clue.clue.solved", "", stats.Admitted), judged},
		"emitted by one of two":           {of("clue.hint.taken", "", stats.Admitted), emitSpan(parent)},
		"refused when it was emitted":     {of("clue.clue.solved", "emit", stats.Refused), judged},
		"refused later":                   {of("clue.clue.solved", "handler tell", stats.Refused), emitSpan(event)},
		"emitted by a type without edges": {of("clue.team.joined", "", stats.Admitted), emitSpan(parent)},
	} {
		if got := trace.SpanID(f.spanOf(test.record).ParentSpanId); got != test.want {
			t.Errorf("%s: a part of %s, want %s", name, got, test.want)
		}
	}
}

// One record of a storm says for how many it stands, and one that stands for itself does not.
func TestASpanSaysForHowManyItStands(t *testing.T) {
	for count, want := range map[uint32]int64{1: 0, 7: 7} {
		record := &queued{Record: why.Record{Type: "clue.answer.given", Outcome: stats.Shed, Count: count}}
		got := int64(0)
		for _, a := range (&facts{}).spanOf(record).Attributes {
			if a.Key == "leafmesh.count" {
				got = a.Value.GetIntValue()
			}
		}
		if got != want {
			t.Errorf("of %d: %d, want %d", count, got, want)
		}
	}
}

// Of the ids that came, the newest are remembered, and no more.
func TestTheNewestIDsAreRemembered(t *testing.T) {
	var r recent
	id := func(i int) trace.SpanID { return trace.SpanID{1, byte(i >> 16), byte(i >> 8), byte(i)} }
	for i := range maxRecent + 10 {
		r.add(id(i))
		r.add(id(i))
	}
	if r.has(id(9)) || !r.has(id(10)) || !r.has(id(maxRecent+9)) || len(r.known) != maxRecent || len(r.order) != maxRecent {
		t.Errorf("%d known, %d in order", len(r.known), len(r.order))
	}
}
