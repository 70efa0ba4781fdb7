package mesh_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

func TestCutAndRestoreAHandler(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("one", nothing), stepTaken.Handle("other", nothing))
	emitMany(t, n, stepTaken, "a", 3)
	if err := n.Cut(stepTaken.Subject(), "handler one"); err != nil {
		t.Fatal(err)
	}
	emitMany(t, n, stepTaken, "a", 5)
	if err := n.Restore(stepTaken.Subject(), "handler one"); err != nil {
		t.Fatal(err)
	}
	emitMany(t, n, stepTaken, "a", 1)
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler one", "", 4)
	wantCount(t, n, stepTaken.Subject(), stats.Shed, "handler one", "cut", 5)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler other", "", 9)
	wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", 9)
	if n.Stats().Waiting != 0 {
		t.Errorf("%d places are taken", n.Stats().Waiting)
	}
}

func TestCutAnExport(t *testing.T) {
	got := make(chan solved, 10)
	nodes := openAll(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	emit(t, nodes[0], clueSolved, solved{Team: "before"})
	if s := <-got; s.Team != "before" {
		t.Fatal(s)
	}
	if err := nodes[0].Cut("clue.clue.solved", "export"); err != nil {
		t.Fatal(err)
	}
	emit(t, nodes[0], clueSolved, solved{Team: "cut"})
	if err := nodes[0].Restore("clue.clue.solved", "export"); err != nil {
		t.Fatal(err)
	}
	emit(t, nodes[0], clueSolved, solved{Team: "after"})
	if s := <-got; s.Team != "after" {
		t.Errorf("got %+v", s)
	}
	if c := find(nodes[0], stats.Shed, "cut"); c.Count != 1 || c.Place != "export" {
		t.Errorf("counted as %+v", c)
	}
}

// The tap is another place than the export, also where they share a queue.
func TestACutExportIsSeenAtTheTap(t *testing.T) {
	nodes, conn := tapped(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil }))
	seen, err := conn.SubscribeSync("clue.clue.solved.*")
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes[0].Cut("clue.clue.solved", "export"); err != nil {
		t.Fatal(err)
	}
	emit(t, nodes[0], clueSolved, solved{Team: "cut"})
	if _, err := seen.NextMsg(waitLimit); err != nil {
		t.Error(err)
	}
	if err := nodes[0].Restore("clue.clue.solved", "export"); err != nil {
		t.Fatal(err)
	}
	emit(t, nodes[0], clueSolved, solved{Team: "restored"})
	await(t, "one event handled", func() bool { return nodes[1].Stats().Total(stats.Handled) == 1 })
	wantCount(t, nodes[0], "clue.clue.solved", stats.Shed, "export", "cut", 1)
	wantCount(t, nodes[0], "clue.clue.solved", stats.Exported, "export", "", 1)
}

// What a durable export promises is kept for its services: it cannot be cut.
func TestADurableExportIsNotCut(t *testing.T) {
	export := stepTaken.Export(mesh.Limit{})
	export.KeptFor = []string{"score"}
	n := openCore(t, mesh.Config{Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{export}})
	if err := n.Cut(stepTaken.Subject(), "export"); err == nil || !strings.Contains(err.Error(), "is durable") {
		t.Errorf("error %v", err)
	}
}

func TestCutSomethingUnknown(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("one", nothing))
	if n.Cut("core.step.unknown", "handler one") == nil || n.Cut(stepTaken.Subject(), "handler none") == nil {
		t.Error("no error")
	}
}

// The breaker trips after so many failures in a row, probes with one event, and
// closes when the probe succeeds.
func TestBreaker(t *testing.T) {
	const failures, probe = 3, 30 * time.Millisecond
	var broken atomic.Bool
	broken.Store(true)
	n := openHandlers(t, stepTaken.Handle("frail", func(_ context.Context, s step) error {
		switch {
		case !broken.Load():
			return nil
		case s.N == 1:
			runtime.Goexit()
		}
		return errors.New("no")
	}, soon(1), mesh.Breaker(failures, probe)))
	count := func(o stats.Outcome) uint64 { return n.Stats().Of(stepTaken.Subject(), o) }
	emitMany(t, n, stepTaken, "a", 20)
	waitUntil(t, "every event judged", func() bool { return count(stats.Failed)+count(stats.Shed) == 20 })
	if count(stats.Failed) < failures || count(stats.Shed) == 0 {
		t.Errorf("%d failed, %d shed", count(stats.Failed), count(stats.Shed))
	}
	broken.Store(false)
	waitUntil(t, "a probe to succeed", func() bool {
		emitMany(t, n, stepTaken, "a", 1)
		return count(stats.Handled) > 0
	})
	handled := count(stats.Handled)
	emitMany(t, n, stepTaken, "a", 10)
	waitUntil(t, "all handled again", func() bool { return count(stats.Handled) >= handled+10 })
	if c := find(n, stats.Shed, "breaker"); c.Place != "handler frail" {
		t.Errorf("shed as %+v", c)
	}
}

// Places has all that can be cut and nothing else, and says what is.
func TestPlacesSayWhatIsCut(t *testing.T) {
	stepKept := mesh.NewEvent[step]("core.step.kept")
	kept := stepKept.Export(mesh.Limit{})
	kept.KeptFor = []string{"score"}
	n := openAll(t, mesh.Config{Name: "core-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{kept, stepTaken.Export(mesh.Limit{})},
		Handlers: []mesh.Handler{stepKept.Handle("one", nothing), stepTaken.Handle("two", nothing)}})[0]
	for range 2 { // also before there was an event
		for _, p := range n.Places() {
			if p.Cut {
				t.Errorf("%+v is cut", p)
			}
			if err := n.Cut(p.Type, p.Place); err != nil {
				t.Errorf("%+v cannot be cut: %v", p, err)
			}
		}
		seen := 0
		for _, p := range n.Places() {
			if !p.Cut {
				t.Errorf("%+v is not cut", p)
			}
			if (p == stats.Place{Type: "core.step.kept", Place: "handler one", Cut: true}) || (p == stats.Place{Type: stepTaken.Subject(), Place: "export", Cut: true}) {
				seen++
			}
			if err := n.Restore(p.Type, p.Place); err != nil {
				t.Error(err)
			}
		}
		if seen != 2 {
			t.Errorf("places are %+v", n.Places())
		}
		emitMany(t, n, stepTaken, "a", 1)
	}
}
