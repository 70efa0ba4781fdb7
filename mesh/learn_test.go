package mesh

import (
	"context"
	"testing"
)

// learnedBy opens a node whose handler has a few edges, and gives its tally and
// the type of the last edge.
func learnedBy(t testing.TB) (*tally, *eventType) {
	t.Helper()
	parent := NewEvent[int]("core.number.given")
	n, err := Open(t.Context(), Config{Name: "core-1", Handlers: []Handler{
		parent.Handle("count", func(context.Context, int) error { return nil })}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	from := n.counters.tally(parent.subject, "handler count")
	var to *eventType
	for _, subject := range []string{"core.number.halved", "core.number.doubled", "core.number.squared"} {
		if to, err = n.typeOf(subject); err != nil {
			t.Fatal(err)
		}
		from.emits(to)
	}
	return from, to
}

func TestCountingAKnownEdgeAllocatesNothing(t *testing.T) {
	from, to := learnedBy(t)
	if n := testing.AllocsPerRun(100, func() { from.emits(to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if count := from.edge(to).count.Load(); count != 102 { // one run more than asked for, to warm up
		t.Errorf("counted %d", count)
	}
}

func BenchmarkCountEdge(b *testing.B) {
	from, to := learnedBy(b)
	b.ReportAllocs()
	for b.Loop() {
		from.emits(to)
	}
}
