package meshtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

func TestCascadesOfTheHunt(t *testing.T) {
	m := openHunt(t)
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	meshtest.AssertCascadesWithin(t, m, 2, 1)
	meshtest.AssertAcyclic(t, m)
	meshtest.AssertAccounted(t, m)
	wantFailure(t, func(t testing.TB) { meshtest.AssertCascadesWithin(t, m, 1, 1) }, "depth 2 and fan-out 1, want at most 1 and 1")
	wantFailure(t, func(t testing.TB) { meshtest.AssertCascadesWithin(t, m, 2, 0) }, "depth 2 and fan-out 1, want at most 2 and 0")
}

var echoed = mesh.NewEvent[guess]("clue.answer.echoed", mesh.AllowLoop[guess](2))

func TestALoopIsSeen(t *testing.T) {
	m := meshtest.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		echoed.Handle("echo", func(ctx context.Context, g guess) error {
			if err := echoed.Emit(ctx, g); err != nil && !errors.Is(err, mesh.ErrCascade) {
				return err
			}
			return echoed.Emit(ctx, g)
		}, mesh.Retry{Tries: 1})}})
	emit(t, m, "clue-1", echoed, guess{"otters", "stork"})
	wantFailure(t, func(t testing.TB) { meshtest.AssertAcyclic(t, m) }, "clue-1:clue.answer.echoed → clue-1:clue.answer.echoed")
	if s := m.Cascades(t); s.FanOut != 2 || s.Depth < 2 || len(s.Loops) < 2 {
		t.Errorf("%+v", s)
	}
	meshtest.AssertAccounted(t, m)
}

// What begins a cascade of its own is nobody's fan-out.
func TestNewRootsAreNoFanOut(t *testing.T) {
	m := meshtest.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		guessed.Handle("batch", func(ctx context.Context, g guess) error {
			return errors.Join(echoed.Emit(mesh.NewRoot(ctx), g), echoed.Emit(mesh.NewRoot(ctx), g))
		})}})
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	if s := m.Cascades(t); s.FanOut != 0 || s.Depth != 0 || len(s.Loops) != 0 {
		t.Errorf("%+v", s)
	}
	meshtest.AssertAccounted(t, m)
}

// Whatever goes wrong on the way, each event is accounted for.
func TestEveryLossIsAccountedFor(t *testing.T) {
	clue, score := clueNode(), scoreNode("score-1", mesh.Shared)
	clue.Limits = []mesh.Rule{{Event: "clue.clue.solved", By: mesh.ByKey, Limit: mesh.Limit{Rate: 1e-3, Burst: 20, Policy: mesh.Shed}}}
	clue.Handlers = append(clue.Handlers, guessed.Handle("slow", func(context.Context, guess) error { return nil },
		mesh.Queue(1), mesh.ShedWhenFull()))
	score.Handlers = append(score.Handlers, solved.Handle("fragile", func(_ context.Context, s solve) error {
		if len(s.Clue)%2 == 0 {
			panic("no")
		}
		return nil
	}, mesh.Retry{Tries: 2, LongestPause: time.Microsecond}, mesh.Breaker(5, 1)))
	m := meshtest.Open(t, clue, score)
	if err := m.Node("score-1").Cut(solved.Subject(), "handler score"); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		emit(t, m, "clue-1", guessed, guess{fmt.Sprint(i % 5), fmt.Sprint(1 << (i % 30))})
	}
	meshtest.AssertAccounted(t, m)
}
