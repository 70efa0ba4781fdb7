package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// processes opens clue-1 and score-1 as two processes do: each can be closed and opened again while
// the other one goes on.
type processes struct {
	*testing.T
	clue, score mesh.Config
}

func newProcesses(t *testing.T, clue, score mesh.Config) *processes {
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	clue.Seed, clue.Listen = mesh.NewSecret(clueSeed), meshtest.FreeAddress(t)
	clue.Peers = []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	score.Seed = mesh.NewSecret(scoreSeed)
	score.Peers = []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + clue.Listen, Key: clueKey}}
	return &processes{t, clue, score}
}

func (p *processes) open(c mesh.Config) *mesh.Node {
	p.Helper()
	n, err := mesh.Open(within(p), c)
	if err != nil {
		p.Fatal(err)
	}
	return n
}

func (p *processes) openClue() *mesh.Node {
	p.Helper()
	return p.open(p.clue)
}

func (p *processes) openScore() *mesh.Node {
	p.Helper()
	return p.open(p.score)
}

// handled fails the test if not each of so many events was handled once, in all runs together.
func (c *calls) handled(t *testing.T, events int) {
	t.Helper()
	if got, most := c.count(); got != events || most != 1 {
		t.Errorf("%d of %d events handled, one of them %d times", got, events, most)
	}
}

// Either end is closed in order and opened again, while events are emitted and handled: each event
// is handled, and none twice, whatever the order.
func TestDurableOrderlyRestarts(t *testing.T) {
	const events, restarts = 2000, 3
	for name, c := range map[string]struct {
		ordered  mesh.Ordered
		exporter bool // else the importer
	}{
		"exporter":                    {mesh.OrderedNo, true},
		"exporter, ordered by key":    {mesh.OrderedByKey, true},
		"exporter, ordered: all":      {mesh.OrderedAll, true},
		"importer":                    {mesh.OrderedNo, false},
		"importer, ordered by key":    {mesh.OrderedByKey, false},
		"importer, all one at a time": {mesh.OrderedAll, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // mostly it waits for links
			var got calls
			p := newProcesses(t, durableClue(t), durableScore(t, got.add))
			p.score.Imports[0].Ordered = c.ordered
			clue := p.openClue()
			score := p.openScore()
			emitted := 0
			emitSome := func(upTo int) {
				for ; emitted < upTo; emitted++ {
					emit(t, clue, clueSolved, solved{Team: fmt.Sprint("team ", emitted%20), At: int64(emitted)})
				}
			}
			for n := range restarts {
				emitSome(events * (n + 1) / (restarts + 1))
				before, _ := got.count()
				await(t, "some more are handled", func() bool { more, _ := got.count(); return more > before || more == emitted })
				if c.exporter {
					finish(t, clue)
					clue = p.openClue()
				} else {
					finish(t, score)
					score = p.openScore()
				}
				opened := time.Now()
				before, _ = got.count()
				emitSome(emitted + 1)
				await(t, "the first delivery", func() bool { more, _ := got.count(); return more > before })
				t.Logf("the first delivery %v after it was open", time.Since(opened).Round(time.Millisecond))
			}
			emitSome(events)
			await(t, "all are handled", func() bool { all, _ := got.count(); return all == events })
			finish(t, score)
			finish(t, clue)
			got.handled(t, events)
		})
	}
}

// A node closes before its handlers are through, and gives back what they have not handled: nothing
// is lost, so Close returns no error and there is no letter, not even for a last try that was cut
// short. The next run handles all of it.
func TestDurableCloseGivesBack(t *testing.T) {
	const events = 50
	var got calls
	begun := make(chan struct{})
	var once sync.Once
	p := newProcesses(t, durableClue(t), durableScore(t, func(ctx context.Context, s solved) error {
		if s.At%2 == 0 {
			return got.add(ctx, s)
		}
		once.Do(func() { close(begun) })
		<-ctx.Done()
		return ctx.Err()
	}))
	p.score.Imports[0].Redelivery.Tries = 1 // each try is a last one
	clue, score := p.openClue(), p.openScore()
	for i := range events {
		emit(t, clue, clueSolved, solved{Team: fmt.Sprint("team ", i%10), At: int64(i)})
	}
	receive(t, begun)
	if err := closeWithin(score, 50*time.Millisecond); err != nil {
		t.Errorf("close: %v", err)
	}
	if letters := score.Stats().Of(clueSolved.Subject(), stats.DeadLettered); letters != 0 {
		t.Errorf("%d letters", letters)
	}
	p.score.Handlers = []mesh.Handler{clueSolved.Handle("count", got.add)}
	score = p.openScore()
	await(t, "all are handled", func() bool { all, _ := got.count(); return all == events })
	finish(t, score)
	finish(t, clue)
	got.handled(t, events)
}

// A handler that failed is gone in the next version of a service: its events count as handled, the
// log says so, and the other handler gets none of them again.
func TestDurableHandlerThatIsGone(t *testing.T) {
	const events = 10
	var got calls
	var log logged
	p := newProcesses(t, durableClue(t), durableScore(t, got.add))
	p.score.Logger = slog.New(slog.NewTextHandler(&log, nil))
	p.score.Imports[0].Redelivery.Tries = 1000
	handlers := p.score.Handlers
	p.score.Handlers = append(handlers[:1:1], clueSolved.Handle("mail", func(context.Context, solved) error { return errors.New("no mail server") }))
	clue, score := p.openClue(), p.openScore()
	for i := range events {
		emit(t, clue, clueSolved, solved{Team: fmt.Sprint("team ", i), At: int64(i)})
	}
	await(t, "mail has failed for each", func() bool {
		all, _ := got.count()
		return all == events && score.Stats().Of(clueSolved.Subject(), stats.Redelivered) >= events
	})
	finish(t, score)
	if strings.Contains(log.String(), "is gone") {
		t.Errorf("the log: %s", log.String())
	}
	p.score.Handlers = handlers
	score = p.openScore()
	await(t, "all are over", func() bool { return score.Stats().Of(clueSolved.Subject(), stats.Acknowledged) == events })
	finish(t, score)
	finish(t, clue)
	got.handled(t, events)
	if !strings.Contains(log.String(), "is gone") {
		t.Errorf("the log: %s", log.String())
	}
}
