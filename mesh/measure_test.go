package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// durationsOf finds what was measured, or nothing.
func durationsOf(n *mesh.Node, of stats.Measured, place, peer string) (found stats.Durations) {
	for _, d := range n.Durations() {
		if d.Of == of && d.Place == place && d.Peer == peer {
			return d
		}
	}
	return found
}

func emitJudged(t *testing.T, n *mesh.Node, j Judged) {
	t.Helper()
	if err := judged.Emit(n.Context(t.Context()), j); err != nil {
		t.Fatal(err)
	}
}

// One worker takes 10 ms for each of 20 events that come at once: the last waits for all the
// others.
func TestWaitsAndCallsAreMeasured(t *testing.T) {
	const events, each = 20, 10 * time.Millisecond
	failing := errors.New("not yet")
	tried, begin := map[string]bool{}, make(chan struct{})
	node := openAll(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		judged.Handle("slow", func(context.Context, Judged) error { <-begin; time.Sleep(each); return nil }),
		judged.Handle("fails once", func(_ context.Context, j Judged) error {
			if !tried[j.Attempt] {
				tried[j.Attempt] = true
				return failing
			}
			return nil
		}, mesh.Retry{Tries: 2}),
	}})[0]
	node.Measure()
	for i := range events {
		emitJudged(t, node, Judged{Attempt: fmt.Sprint(i)})
	}
	close(begin)
	await(t, "every event handled twice", func() bool { return node.Stats().Total(stats.Handled) == 2*events })
	wait, call := durationsOf(node, stats.MeasuredWait, "handler slow", ""), durationsOf(node, stats.MeasuredHandling, "handler slow", "")
	if call.Type != "clue.answer.judged" || call.Count != events || call.Sum < events*each {
		t.Errorf("calls: %d take %v", call.Count, call.Sum)
	}
	if least := each * events * (events - 1) / 2; wait.Count != events || wait.Sum < least {
		t.Errorf("%d of %d events waited for %v, want %v", wait.Count, events, wait.Sum, least)
	}
	for _, e := range call.Examples {
		if e.Root.IsZero() || e.Value < each || time.Since(e.At) > time.Minute {
			t.Errorf("example %+v", e)
		}
	}
	waits, calls := durationsOf(node, stats.MeasuredWait, "handler fails once", ""), durationsOf(node, stats.MeasuredHandling, "handler fails once", "")
	if waits.Count != events || calls.Count != 2*events {
		t.Errorf("%d waits and %d calls, want %d and two tries for each", waits.Count, calls.Count, events)
	}
}

// Whatever share of them is measured, the histograms count all events.
func TestAStormIsCountedWhole(t *testing.T) {
	node := openAll(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{judged.Handle("count", func(context.Context, Judged) error { return nil })}})[0]
	emitJudged(t, node, Judged{}) // not measured
	await(t, "the first", func() bool { return node.Stats().Total(stats.Handled) == 1 })
	if got := node.Durations(); len(got) > 0 {
		t.Errorf("measured before Measure: %+v", got)
	}
	node.Measure()
	const events = 50_000
	for range events {
		emitJudged(t, node, Judged{})
	}
	await(t, "all others", func() bool { return node.Stats().Total(stats.Handled) == events+1 })
	for _, of := range []stats.Measured{stats.MeasuredWait, stats.MeasuredHandling} {
		if got := durationsOf(node, of, "handler count", "").Count; got > events || got < events-31 {
			t.Errorf("%s: %d of %d", of, got, events)
		}
	}
}

// Events that come now and then are all measured at once.
func TestASlowTypeIsMeasuredEachTime(t *testing.T) {
	node := openAll(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{judged.Handle("count", func(context.Context, Judged) error { return nil })}})[0]
	node.Measure()
	for i := range uint64(5) {
		time.Sleep(50 * time.Millisecond) // that is slow
		emitJudged(t, node, Judged{})
		await(t, "it is measured", func() bool { return durationsOf(node, stats.MeasuredHandling, "handler count", "").Count == i+1 })
	}
}

func TestTheDelayOfLinksIsMeasured(t *testing.T) {
	nodes := openAll(t, mesh.Config{Name: "clue-1", Exports: []mesh.Export{judged.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{judged.Handle("count", func(context.Context, Judged) error { return nil })}})
	nodes[1].Measure()
	for range 10 {
		emitJudged(t, nodes[0], Judged{})
	}
	await(t, "all measured", func() bool { return durationsOf(nodes[1], stats.MeasuredLink, "", "clue-1").Count == 10 })
	if got := durationsOf(nodes[1], stats.MeasuredLink, "", "clue-1"); got.Sum <= 0 || got.Sum > time.Minute {
		t.Errorf("10 events took %v", got.Sum)
	}
}

// A durable event that fails comes again, and its link is measured once: a handler that fails is no
// slow link.
func TestWhatComesAgainIsNoDelayOfItsLink(t *testing.T) {
	var tries atomic.Int32
	score := durableScore(t, func(context.Context, solved) error {
		if tries.Add(1) <= 2 {
			return errors.New("not yet")
		}
		return nil
	})
	nodes := openAll(t, durableClue(t), score)
	nodes[1].Measure()
	emit(t, nodes[0], clueSolved, solved{Team: "owls"})
	await(t, "the third delivery", func() bool { return nodes[1].Stats().Total(stats.Handled) == 1 })
	if got := durationsOf(nodes[1], stats.MeasuredLink, "", "clue-1").Count; tries.Load() != 3 || got != 1 {
		t.Errorf("measured %d times in %d tries", got, tries.Load())
	}
}

// A cascade's delay from end to end is counted where a branch of it ends, by the type of its root:
// neither where a handler causes something nor where it fails, nor if it is one event on one node.
func TestTheDelayOfCascadesIsMeasured(t *testing.T) {
	const each, events = 20 * time.Millisecond, 5
	slowly := func(next func(context.Context) error) func(context.Context, step) error {
		return func(ctx context.Context, _ step) error { time.Sleep(each); return next(ctx) }
	}
	began, failed := mesh.NewEvent[step]("clue.delay.began"), mesh.NewEvent[step]("clue.delay.failed")
	passed, alone := mesh.NewEvent[step]("clue.delay.passed"), mesh.NewEvent[step]("clue.delay.alone")
	ended := mesh.NewEvent[step]("score.delay.ended")
	nodes := openAll(t, mesh.Config{Name: "clue-1", Exports: []mesh.Export{passed.Export(mesh.Limit{})}, Handlers: []mesh.Handler{
		began.Handle("pass", slowly(func(ctx context.Context) error { return passed.Emit(ctx, step{}) })),
		failed.Handle("fail", slowly(func(context.Context) error { return errors.New("no") }), mesh.Retry{Tries: 1}),
		alone.Handle("end", slowly(func(context.Context) error { return nil })),
	}}, mesh.Config{Name: "score-1", Imports: []mesh.Import{passed.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{
			passed.Handle("pass", slowly(func(ctx context.Context) error { return ended.Emit(ctx, step{}) })),
			ended.Handle("end", slowly(func(context.Context) error { return nil })),
		}})
	for _, n := range nodes {
		n.Measure()
	}
	for range events {
		for _, e := range []*mesh.Event[step]{began, failed, alone} {
			if err := e.Emit(nodes[0].Context(t.Context()), step{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	await(t, "all handled", func() bool {
		own := nodes[0].Stats()
		return nodes[1].Stats().Total(stats.Handled) == 2*events && own.Total(stats.Failed) == events && own.Total(stats.Handled) == 2*events
	})
	got := durationsOf(nodes[1], stats.MeasuredCascade, "", "")
	if got.Type != began.Subject() || got.Count != events || got.Sum < 3*each*events || got.Sum > time.Minute {
		t.Errorf("%d cascades of %s took %v", got.Count, got.Type, got.Sum)
	}
	if got := durationsOf(nodes[0], stats.MeasuredCascade, "", ""); got.Count != 0 {
		t.Errorf("%d of %s have not ended well here", got.Count, got.Type)
	}
}

func BenchmarkLocalMeasured(b *testing.B) {
	for _, measured := range []bool{false, true} {
		name := "off"
		if measured {
			name = "metrics"
		}
		b.Run(name, func(b *testing.B) {
			done := make(chan struct{})
			n := 0
			node, err := mesh.Open(context.Background(), mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
				judged.Handle("count", func(context.Context, Judged) error {
					if n++; n == b.N {
						close(done)
					}
					return nil
				}),
			}})
			if err != nil {
				b.Fatal(err)
			}
			defer node.Close(context.Background())
			if measured {
				node.Measure()
			}
			ctx := node.Context(context.Background())
			v := Judged{"0199b2c4", "Puzzlin' Wugs", "try-and-eat", 2, 1521227921000}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := judged.Emit(ctx, v); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
}
