package inproc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is only spent by tests that fail.
const patience = time.Minute

// hunt opens clue-1, which exports solves, and score-1, which handles them.
func hunt(t *testing.T, handle func(context.Context, Solve) error) inproc.Nodes {
	t.Helper()
	return huntWithin(t, mesh.Limit{}, handle)
}

// huntWithin is hunt with a limit at score-1's import.
func huntWithin(t *testing.T, limit mesh.Limit, handle func(context.Context, Solve) error) inproc.Nodes {
	t.Helper()
	nodes, err := inproc.Open(t.Context(),
		mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{Solved.Import(limit, mesh.Shared)},
			Handlers: []mesh.Handler{Solved.Handle("score", handle)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := nodes.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := nodes.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func solve(t *testing.T, nodes inproc.Nodes, times int) {
	t.Helper()
	for range times {
		if err := Solved.Emit(nodes.Node("clue-1").Context(t.Context()), Solve{Team: "otters"}); err != nil {
			t.Fatal(err)
		}
	}
}

// Every count is final when Settle returns, each time.
func TestSettleWaitsForLinksAndHandlers(t *testing.T) {
	var handled atomic.Int64
	nodes := hunt(t, func(context.Context, Solve) error { handled.Add(1); return nil })
	for round := int64(1); round <= 50; round++ {
		solve(t, nodes, 20)
		if err := nodes.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := handled.Load(); got != 20*round {
			t.Fatalf("round %d: %d handled at rest, want %d", round, got, 20*round)
		}
	}
}

// An event that waits for a rule of its import is in no queue, and no counter moves.
func TestSettleWaitsForWhatAnImportHolds(t *testing.T) {
	var handled atomic.Int64
	limit := mesh.Limit{Rate: mesh.Per(10, time.Second), Burst: 1, Policy: mesh.Wait}
	nodes := huntWithin(t, limit, func(context.Context, Solve) error { handled.Add(1); return nil })
	solve(t, nodes, 4)
	if err := nodes.Settle(t.Context()); err != nil || handled.Load() != 4 {
		t.Errorf("%v, %d handled at rest, want 4", err, handled.Load())
	}
}

func TestSettleSaysWhoIsBusy(t *testing.T) {
	release := make(chan struct{})
	nodes := hunt(t, func(context.Context, Solve) error { <-release; return nil })
	solve(t, nodes, 2)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := nodes.Settle(ctx)
	if e, ok := errors.AsType[*inproc.UnsettledError](err); !ok || e.Waiting["score-1"] != 2 || len(e.Waiting) != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want two events waiting at score-1", err)
	}
	close(release)
	if err := nodes.Settle(t.Context()); err != nil {
		t.Error(err)
	}
}

// A node asks whoever told it of a backlog, and passes on why that could not be read.
func TestSettleAsksForBacklogs(t *testing.T) {
	nodes := hunt(t, func(context.Context, Solve) error { return nil })
	var left atomic.Int64
	left.Store(3)
	nodes[1].AddBacklog(func(context.Context) (int, error) { return int(max(left.Add(-1), 0)), nil }) // one fewer with each look
	if err := nodes.Settle(t.Context()); err != nil || left.Load() > 0 {
		t.Errorf("%v, with %d left", err, left.Load())
	}
	unreadable := errors.New("disk is gone")
	nodes[0].AddBacklog(func(context.Context) (int, error) { return 0, unreadable })
	if err := nodes.Settle(t.Context()); !errors.Is(err, unreadable) {
		t.Errorf("got %v, want %v", err, unreadable)
	}
}
