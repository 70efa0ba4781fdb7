package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// calls counts the calls of a handler by event.
type calls struct {
	mu sync.Mutex
	of map[solved]int // guarded by mu
}

func (c *calls) add(_ context.Context, s solved) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[solved]int{}
	}
	c.of[s]++
	return nil
}

// count is how many events were handled, and most how often one was.
func (c *calls) count() (events, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.of {
		most = max(most, n)
	}
	return len(c.of), most
}

// Of two handlers of a durable import one is cut: the other gets each event, once. When the first
// is back it gets all, and the other none again.
func TestACutHandlerDoesNotStopTheOther(t *testing.T) {
	var well, back calls
	came := make(chan mesh.Header, 1500)
	score := durableScore(t, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		came <- h
		return well.add(ctx, s)
	})
	score.Imports[0].Redelivery = mesh.Redelivery{After: 50 * time.Millisecond, Max: 100 * time.Millisecond}
	score.Handlers = append(score.Handlers, clueSolved.Handle("cut", back.add))
	nodes := openAll(t, durableClue(t), score)
	n := nodes.Node("score-1")
	if err := n.Cut(clueSolved.Subject(), "handler cut"); err != nil {
		t.Fatal(err)
	}
	const events = 1500
	for i := range events {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i % 50), At: int64(i)})
	}
	await(t, "all at the handler that is well", func() bool { got, _ := well.count(); return got == events })
	explained, err := nodes.Node("clue-1").Why(t.Context(), (<-came).ID)
	if want := "handler cut on score-1: shed by rule cut"; err != nil || !strings.Contains(explained.Verdict(), want) || !strings.HasSuffix(explained.Verdict(), "; not lost: it comes again from the outbox of clue-1, or has come") {
		t.Errorf("%s, %v", explained.Verdict(), err)
	}
	if err := n.Restore(clueSolved.Subject(), "handler cut"); err != nil {
		t.Fatal(err)
	}
	await(t, "all at the other one", func() bool { got, _ := back.count(); return got == events })
	if _, most := well.count(); most != 1 {
		t.Errorf("the healthy handler got an event %d times", most)
	}
	if _, most := back.count(); most != 1 {
		t.Errorf("the other handler got an event %d times", most)
	}
}

// Events of a poisoned key, more than a reader takes at once, hold up no other key.
func TestAPoisonedKeyHoldsUpNoOther(t *testing.T) {
	var well calls
	poison := errors.New("poison")
	score := durableScore(t, func(ctx context.Context, s solved) error {
		if s.Team == "poison" {
			return poison
		}
		return well.add(ctx, s)
	})
	score.Imports[0].Redelivery = mesh.Redelivery{Tries: 1000, After: time.Minute}
	nodes := openAll(t, durableClue(t), score)
	for i := range 600 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "poison", At: int64(i)})
	}
	for i := range 100 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "well", At: int64(i)})
	}
	await(t, "all of the good key", func() bool { got, _ := well.count(); return got == 100 })
	wantCount(t, nodes.Node("score-1"), clueSolved.Subject(), stats.Handled, "handler count", "", 100)
	if letters := nodes.Node("score-1").Stats().Letters.Count; letters != 0 {
		t.Errorf("%d letters", letters)
	}
}

// One of two instances hangs: the other goes on with its keys.
func TestAHangingInstanceStopsOnlyItsKeys(t *testing.T) {
	var well calls
	hang := make(chan struct{})
	stuck := durableScore(t, func(ctx context.Context, s solved) error { <-hang; return nil })
	sound := durableScore(t, well.add)
	sound.Name = "score-2"
	nodes := openAll(t, durableClue(t), stuck, sound)
	defer close(hang)
	const keys = 40
	for i := range 2000 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i % keys), At: int64(i)})
	}
	var before int
	await(t, "some keys are the sound one's", func() bool { before, _ = well.count(); return before > 0 })
	await(t, "all of them", func() bool {
		got, _ := well.count()
		done := got == before && got%(2000/keys) == 0 // whole keys, and no more to come
		before = got
		return done && got > 0
	})
	for i := range 200 { // what comes later goes on too
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i % keys), At: int64(2000 + i)})
	}
	await(t, "later ones", func() bool { got, _ := well.count(); return got > before })
}

// An instance that leaves as soon as it came, so that nobody sees its link up, keeps no keys.
func TestAnInstanceThatHardlyCameKeepsNoKeys(t *testing.T) {
	var brief, well seen
	left := durableScore(t, brief.add)
	stays := durableScore(t, well.add)
	stays.Name = "score-2"
	nodes := openAll(t, durableClue(t), left, stays)
	if err := nodes.Node("score-1").Close(within(t)); err != nil {
		t.Fatal(err)
	}
	const events = 100
	for i := range events {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i)})
	}
	await(t, "all events at the one that stays", func() bool { return well.count() == events })
	if brief.count() > 0 {
		t.Errorf("the one that left handled %d events", brief.count())
	}
}
