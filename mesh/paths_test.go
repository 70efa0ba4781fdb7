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
	for name, c := range map[string]struct {
		durable bool
		bytes   uint64 // of a short event with its message at most; a whole one has some 75 more
	}{"at most once": {false, 120}, "durable": {true, 165}} {
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
			if c.durable {
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
				if got := bytesOf(t, from, 100, func() { emit(t, from, clueOpened, solved{Team: "owls"}) }, &handled); got > c.bytes {
					t.Errorf("an event with what it takes on the link has %d bytes; short it has %d at most", got, c.bytes)
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

// bytesOf is how many bytes an event takes over the link, on average of so many that are sent one
// after the other.
func bytesOf(t *testing.T, n *mesh.Node, events int, emit func(), handled *atomic.Int64) uint64 {
	t.Helper()
	sent := func() uint64 { return n.Stats().Links[0].BytesOut }
	before := sent()
	for range events {
		was := handled.Load()
		emit()
		await(t, "it is handled", func() bool { return handled.Load() > was })
	}
	return (sent() - before) / uint64(events)
}

// Events that wait at a reader whose handlers are full keep their causes, also when the exporter
// begins anew meanwhile and its numbers stand for other paths.
func TestEventsThatWaitKeepTheirCauses(t *testing.T) {
	const waiting, later = 500, 50
	release := make(chan struct{})
	var full atomic.Bool
	var handled, wrong atomic.Int64
	clue := clueNode("clue-1")
	clue.Handlers = append(clue.Handlers, clueOpened.Handle("solve", clueSolved.Emit))
	score := scoreNode("score-1", mesh.Shared, nil)
	score.Handlers = []mesh.Handler{clueSolved.Handle("count", func(ctx context.Context, _ solved) error {
		if full.Load() {
			<-release
		}
		if h, _ := mesh.HeaderOf(ctx); fmt.Sprint(h.Path()) != "[clue-1:clue.clue.opened clue-1:clue.clue.solved]" {
			wrong.Add(1)
		}
		handled.Add(1)
		return nil
	}, mesh.Queue(1))}
	p := newProcesses(t, clue, score)
	from, to := p.openClue(), p.openScore()
	send := func(events int, pause time.Duration) {
		for range events {
			emit(t, from, clueOpened, solved{Team: "owls"})
			time.Sleep(pause)
		}
	}
	await(t, "the reader to know the path", func() bool {
		return to.Ready(within(t)) == nil && bytesOf(t, from, 1, func() { send(1, 0) }, &handled) < 120
	})
	full.Store(true)
	send(waiting, 0)
	await(t, "all to be sent", func() bool { return from.Stats().Of(clueSolved.Subject(), stats.Exported) > waiting })
	finish(t, from)
	from = p.openClue()
	if err := to.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	emit(t, from, clueSolved, solved{}) // so that the path has another number than before
	send(later, 10*time.Millisecond)    // a reader is told of paths within 0.1 s
	full.Store(false)
	close(release)
	await(t, "all to be handled", func() bool { return handled.Load() >= waiting+later })
	finish(t, to)
	finish(t, from)
	if n := to.Stats().Of(clueSolved.Subject(), stats.Rerooted); n != 0 || wrong.Load() > 1 {
		t.Errorf("%d events lost their causes, and %d have other ones", n, wrong.Load()-1)
	}
}
