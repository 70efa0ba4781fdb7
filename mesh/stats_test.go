package mesh_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// wantBalance checks what holds at rest at each handler: what was put into its
// queue was handled, given up or lost with the node.
func wantBalance(t *testing.T, n *mesh.Node) {
	t.Helper()
	type at struct{ subject, place string }
	balance := map[at]int64{}
	for _, c := range n.Stats().Counts {
		if !strings.HasPrefix(c.Place, "handler ") {
			continue
		}
		switch {
		case c.Outcome == stats.Delivered:
			balance[at{c.Type, c.Place}] += int64(c.Count)
		case c.Outcome == stats.Handled, c.Outcome == stats.Failed, c.Outcome == stats.Lost && c.Rule == "closed":
			balance[at{c.Type, c.Place}] -= int64(c.Count)
		}
	}
	if len(balance) == 0 {
		t.Error("no handler was delivered anything")
	}
	for where, missing := range balance {
		if missing != 0 {
			t.Errorf("%s at %s: %d events delivered more than handled, failed or lost", where.subject, where.place, missing)
		}
	}
	if waiting := n.Stats().Waiting; waiting != 0 {
		t.Errorf("%d events wait at rest", waiting)
	}
}

// unreliable makes handlers that succeed, fail, panic, are slow and emit, as
// chance has it.
func unreliable(calls *atomic.Int64) []mesh.Handler {
	handle := func(ctx context.Context, s step) error {
		calls.Add(1)
		if err := stepRepeated.Emit(ctx, s); err != nil {
			return err
		}
		switch rand.IntN(10) {
		case 0:
			return errBroken
		case 1:
			panic("it fell over")
		}
		return nil
	}
	return []mesh.Handler{
		stepTaken.Handle("a", handle, mesh.Workers(3), mesh.Queue(8), soon(2)),
		stepTaken.Handle("b", handle, mesh.Queue(2), mesh.ShedWhenFull(), soon(1)),
		stepRepeated.Handle("c", func(context.Context, step) error {
			if calls.Add(1)%3 == 0 {
				return errBroken
			}
			return nil
		}, soon(2)),
		mesh.HandleAll(">", "d", func(context.Context, mesh.Any) error { return nil }, mesh.Workers(2)),
		mesh.DeadLetters.Handle("e", func(context.Context, mesh.DeadLetter) error { return errBroken }, soon(1)),
	}
}

func emitFrom(t *testing.T, n *mesh.Node, emitters, each int) {
	t.Helper()
	var work sync.WaitGroup
	for i := range emitters {
		work.Go(func() {
			for j := range each {
				emitStep(t, n, stepTaken, step{fmt.Sprint(i), j})
			}
		})
	}
	work.Wait()
}

func TestCountsAgreeAtRest(t *testing.T) {
	for name, codec := range map[string]bool{"codec check": true, "production": false} {
		t.Run(name, func(t *testing.T) {
			const emitters, each = 4, 100
			var calls atomic.Int64
			n := openCore(t, mesh.Config{CodecCheck: codec, Handlers: unreliable(&calls)})
			emitFrom(t, n, emitters, each)
			finish(t, n)
			wantBalance(t, n)
			taken, repeated, letters := stepTaken.Subject(), stepRepeated.Subject(), mesh.DeadLetters.Subject()
			s := n.Stats()
			if got := s.Of(taken, stats.Admitted); got != emitters*each {
				t.Errorf("%d roots admitted, want %d", got, emitters*each)
			}
			wantCount(t, n, taken, stats.Delivered, "handler a", "", emitters*each)
			if got := counted(n, taken, stats.Delivered, "handler b", "") + counted(n, taken, stats.Shed, "handler b", ""); got != emitters*each {
				t.Errorf("%d events delivered to b or shed, want %d", got, emitters*each)
			}
			caused := counted(n, taken, stats.Handled, "handler a", "") + counted(n, taken, stats.Handled, "handler b", "")
			if got := s.Of(repeated, stats.Admitted); got != caused {
				t.Errorf("%d events admitted of handlers that succeeded %d times", got, caused)
			}
			given := s.Of(taken, stats.Failed) + s.Of(repeated, stats.Failed)
			if got := s.Of(letters, stats.Admitted); got != given {
				t.Errorf("%d dead letters for %d events given up", got, given)
			}
			calledFor := s.Of(taken, stats.Retried) + s.Of(repeated, stats.Retried) +
				s.Of(taken, stats.Delivered) + s.Of(repeated, stats.Delivered) -
				counted(n, taken, stats.Delivered, "handler d", "") - counted(n, repeated, stats.Delivered, "handler d", "")
			if uint64(calls.Load()) != calledFor {
				t.Errorf("%d calls, counted as %d", calls.Load(), calledFor)
			}
		})
	}
}

func TestCountsAgreeAfterACloseThatGaveUp(t *testing.T) {
	handler, begun := gatedHandler("slow", stepTaken, nil, mesh.Workers(2))
	var calls atomic.Int64
	n := openHandlers(t, append(unreliable(&calls), handler)...)
	emitFrom(t, n, 3, 50)
	receive(t, begun)
	if err := closeWithin(n, time.Millisecond); err == nil {
		t.Fatal("Close gave nothing up")
	}
	wantBalance(t, n)
	if lost := counted(n, stepTaken.Subject(), stats.Lost, "handler slow", "closed"); lost == 0 {
		t.Error("nothing was lost at the slow handler")
	}
}

func TestStatsAreOrderedAndSummed(t *testing.T) {
	var calls atomic.Int64
	n := openHandlers(t, unreliable(&calls)...)
	emitFrom(t, n, 2, 20)
	finish(t, n)
	s := n.Stats()
	if s.Node != "core-1" {
		t.Errorf("stats of %q", s.Node)
	}
	key := func(c stats.Count) string {
		return strings.Join([]string{c.Type, string(c.Outcome), c.Place, c.Rule}, "\x00")
	}
	if !slices.IsSortedFunc(s.Counts, func(a, b stats.Count) int { return strings.Compare(key(a), key(b)) }) {
		t.Errorf("not in order: %+v", s.Counts)
	}
	var sum uint64
	for _, c := range s.Counts {
		if c.Count == 0 {
			t.Errorf("a count of nothing: %+v", c)
		}
		if c.Outcome == stats.Delivered {
			sum += c.Count
		}
	}
	if s.Total(stats.Delivered) != sum || s.Of(stepTaken.Subject(), stats.Delivered)+s.Of(stepRepeated.Subject(), stats.Delivered)+s.Of(mesh.DeadLetters.Subject(), stats.Delivered) != sum {
		t.Errorf("sums differ from %d", sum)
	}
}
