package mesh_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// Events say over a link what caused them, at once and later, when a number stands for their path;
// also while either end begins anew, for which the numbers of before mean nothing.
func TestCausesOverALinkThatBeginsAnew(t *testing.T) {
	const while = 400 * time.Millisecond // a reader is told of a path within 0.1 s
	for name, durable := range map[string]bool{"at most once": false, "durable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var handled, wrong atomic.Int64
			check := func(ctx context.Context, s solved) error {
				h, _ := mesh.HeaderOf(ctx)
				opened, want := clueOpened.Subject(), "[clue-1:clue.clue.solved]"
				if s.Clue == opened {
					want = "[clue-1:clue.clue.opened clue-1:clue.clue.solved]"
				}
				if got := fmt.Sprint(h.Path()); got != want || (h.Root == h.ID) != (s.Clue != opened) || (h.Root == h.Parent) != (s.Clue == opened) || time.Since(h.Time()).Abs() > time.Minute {
					wrong.Add(1)
					t.Errorf("%+v of %s", h, got)
				}
				handled.Add(1)
				return nil
			}
			clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, check)
			if durable {
				clue, score = durableClue(t), durableScore(t, check)
			}
			clue.Handlers = append(clue.Handlers, clueOpened.Handle("solve", func(ctx context.Context, s solved) error {
				s.Clue = clueOpened.Subject()
				return clueSolved.Emit(ctx, s)
			}))
			p := newProcesses(t, clue, score)
			from, to := p.openClue(), p.openScore()
			rerooted := uint64(0)
			end := func(n *mesh.Node) {
				rerooted += n.Stats().Of(clueSolved.Subject(), stats.Rerooted)
				finish(t, n)
			}
			for phase := range 5 {
				for begun, i := time.Now(), 0; time.Since(begun) < while; i++ {
					emit(t, from, clueOpened, solved{Team: fmt.Sprint("team ", i%7)})
					emit(t, from, clueSolved, solved{Team: fmt.Sprint("team ", i%7)})
					time.Sleep(time.Millisecond)
				}
				switch phase {
				case 0, 2:
					end(to)
					to = p.openScore()
				case 1:
					end(from)
					from = p.openClue()
				case 3: // both
					end(to)
					end(from)
					from = p.openClue()
					to = p.openScore()
				}
				before := handled.Load()
				await(t, "the link to carry events again", func() bool {
					emit(t, from, clueOpened, solved{Team: "owls"})
					return handled.Load() > before
				})
			}
			end(to)
			end(from)
			if rerooted != 0 || handled.Load() < 500 {
				t.Errorf("%d events lost their causes, of %d", rerooted, handled.Load())
			}
		})
	}
}
