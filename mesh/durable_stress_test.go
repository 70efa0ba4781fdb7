package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
)

// ledger is what a service has handled: for each team the numbers, in order.
type ledger struct {
	mu       sync.Mutex
	numbers  map[string][]int64 // guarded by mu
	distinct map[solved]bool    // guarded by mu
	tried    map[solved]bool    // guarded by mu
}

func newLedger() *ledger {
	return &ledger{numbers: map[string][]int64{}, distinct: map[solved]bool{}, tried: map[solved]bool{}}
}

var errAtRandom = errors.New("failed at random")

// handle fails one in ten first tries.
func (l *ledger) handle(_ context.Context, e solved) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.tried[e]
	l.tried[e] = true
	if first && rand.N(10) == 0 {
		return errAtRandom
	}
	l.distinct[e] = true
	l.numbers[e.Team] = append(l.numbers[e.Team], e.At)
	return nil
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.distinct)
}

// disordered says where a team's numbers do not go up by one or stay: an event
// that came twice came before the next one.
func (l *ledger) disordered() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for team, numbers := range l.numbers {
		last := int64(-1)
		for i, n := range numbers {
			if n != last && n != last+1 {
				return fmt.Errorf("%s: number %d after %d, at place %d", team, n, last, i)
			}
			last = n
		}
	}
	return nil
}

// emitAtOnce emits events of a team each from many goroutines, some in batches.
func emitAtOnce(t testing.TB, n *mesh.Node, teams, each int) *sync.WaitGroup {
	var emitters sync.WaitGroup
	ctx := n.Context(t.Context())
	for team := range teams {
		emitters.Go(func() {
			for next := 0; next < each; {
				batch := make([]solved, min(1+rand.N(20), each-next))
				for i := range batch {
					batch[i] = solved{fmt.Sprint("team ", team), "a", int64(next + i)}
				}
				next += len(batch)
				var err error
				if len(batch) == 1 {
					err = clueSolved.Emit(ctx, batch[0])
				} else {
					err = clueSolved.EmitAll(ctx, batch)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	return &emitters
}

// Many goroutines emit, handlers fail at random, and the importer is closed, now
// and then without patience, and opened again: nothing is lost, and where the
// import asks for order it is kept.
func TestDurableUnderStress(t *testing.T) {
	for name, test := range map[string]struct {
		ordered               mesh.Ordered
		teams, each, restarts int
	}{
		"as it comes": {mesh.OrderedNo, 32, 200, 6},
		"ordered":     {mesh.OrderedByKey, 8, 40, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time is for what was on its way to a closed importer
			got := newLedger()
			clueSeed, clueKey := keyPair(t)
			scoreSeed, scoreKey := keyPair(t)
			clue := durableClue(t)
			clue.Seed, clue.Listen = mesh.NewSecret(clueSeed), "127.0.0.1:0"
			clue.Peers = []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
			exporter, err := mesh.Open(within(t), clue)
			if err != nil {
				t.Fatal(err)
			}
			score := durableScore(t, got.handle)
			score.Seed = mesh.NewSecret(scoreSeed)
			score.Peers = []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + exporter.ListenAddr(), Key: clueKey}}
			score.Imports[0].Ordered, score.Imports[0].Redelivery.Tries = test.ordered, 1000
			total := test.teams * test.each
			emitters := emitAtOnce(t, exporter, test.teams, test.each)
			for i := range test.restarts + 1 {
				importer, err := mesh.Open(within(t), score)
				if err != nil {
					t.Fatal(err)
				}
				await(t, "some more events", func() bool { return got.count() >= total*(i+1)/(test.restarts+1) })
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%2)*20*time.Second)
				err = importer.Close(ctx)
				cancel()
				if i%2 == 1 && err != nil {
					t.Error(err)
				}
			}
			emitters.Wait()
			if err := exporter.Close(within(t)); err != nil {
				t.Error(err)
			}
			if got.count() != total {
				t.Errorf("%d of %d handled", got.count(), total)
			}
			if err := got.disordered(); test.ordered != mesh.OrderedNo && err != nil {
				t.Error(err)
			}
		})
	}
}
