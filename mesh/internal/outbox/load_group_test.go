package outbox

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// carries checks what a service's load counts: so many events of one size each.
func (l *load) carries(t *testing.T, when string, events, each int) {
	t.Helper()
	if got, bytes := l.events.Load(), l.bytes.Load(); got != int64(events) || bytes != int64(events*each) {
		t.Errorf("%s: %d events of %d bytes count, want %d of %d", when, got, bytes, events, events*each)
	}
}

// The bound of a service holds for each event, also where many wait for one message, and what is
// refused or stored before counts for nothing.
func TestABoundCountsTheEventsOfAMessage(t *testing.T) {
	const most = 100
	s, _ := bounded(t, Bound{MaxMessages: most}, func(s *site) { s.config.Duplicates = time.Hour })
	event := eventOf(1, "t1", "x")
	var stored, full atomic.Int64
	var work sync.WaitGroup
	for n := range 3 * most {
		work.Go(func() {
			p, err := s.Store(timeout(t), solved+".t1", id(n%(2*most)), event) // each of the first comes twice
			if err == nil {
				err = p.Wait(timeout(t))
			}
			switch {
			case err == nil:
				stored.Add(1)
			case errors.Is(err, ErrFull):
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	work.Wait()
	if events := s.events(t); events != most || stored.Load() < most || stored.Load()+full.Load() != 3*most {
		t.Errorf("%d are there, %d stored, %d refused", events, stored.Load(), full.Load())
	}
	load := s.library.loads[solved][0]
	load.carries(t, "at the bound", most, len(event))
	s.reopen(t)
	load = s.library.loads[solved][0]
	load.carries(t, "opened again", most, len(event))
	score := s.reader(t, "score", solved)
	score.answer(t, wire.Handled, score.get(t, most)...)
	eventually(t, "nothing counts", func() bool { return load.events.Load() == 0 && load.bytes.Load() == 0 })
}

// storeTogether stores events as one message: they come while the one before has no answer yet.
func (s *site) storeTogether(t *testing.T, subject string, from, to int) {
	t.Helper()
	l, before := s.sender.lanes[subject], settled(nil)
	before.turn = s.sender.turn.Load()
	s.sender.mu.Lock()
	l.sent = before
	s.sender.mu.Unlock()
	var last *Pending
	for n := from; n <= to; n++ {
		var err error
		if last, err = s.Store(timeout(t), subject+".t1", id(n), eventOf(n, "t1", fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	s.sender.mu.Lock()
	l.sent = nil
	s.sender.advance(l)
	s.sender.mu.Unlock()
	if err := last.Wait(timeout(t)); err != nil {
		t.Fatal(err)
	}
}

// What is lost for a service ends where its bound says, also between two events of a message. The
// others of the message stay, for it and for others, also after a restart.
func TestWhatIsLostEndsWithinAMessage(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.storeTogether(t, solved, 1, 40)
	if many := s.messages(t); many != 1 {
		t.Fatalf("40 events are in %d messages", many)
	}
	s.stop(t)
	lost := &losses{}
	s.config.Types[0].Bounds, s.config.Lost = map[string]Bound{"score": {MaxMessages: 10, Lose: true}}, lost.add
	s.open(t)
	eventually(t, "what is too much is lost", func() bool { return lost.get("score") == 31 && s.waits() == 9 })
	if got := s.library.loads[solved][0].events.Load(); got != 9 {
		t.Errorf("%d count", got)
	}
	s.reopen(t)
	if got := take(t, s.reader(t, "score", solved), 9); got != numbered(32, 40) {
		t.Errorf("score got %s", got)
	}
	if got := take(t, s.reader(t, "hunt", solved), 40); got != numbered(1, 40) {
		t.Errorf("hunt got %s", got)
	}
	if lost.get("score") != 31 || lost.get("hunt") != 0 {
		t.Errorf("lost: %v", lost.of)
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
}

// While events are stored in bursts, each of them is handed out or counted as lost, and none is
// both.
func TestLossesAreExactWhileEventsAreStored(t *testing.T) {
	const all = 20_000
	s, lost := bounded(t, Bound{MaxMessages: 500, Lose: true}, func(s *site) { s.config.Types[0].Services = []string{"score"} })
	s.config.Lost = lost.add
	for from := 1; from <= all; from += 1000 {
		s.storeKey(t, solved, fmt.Sprint("k", from), from, from+999)
	}
	load := s.library.loads[solved][0]
	eventually(t, "what is too much is lost", func() bool {
		return load.events.Load() <= 500 && s.waits() == all-int(lost.get("score"))
	})
	s.stop(t)
	left := all - int(lost.get("score"))
	s.open(t)
	if got := take(t, s.reader(t, "score", solved), left); got != numbered(all-left+1, all) {
		t.Errorf("%d are left, and score got %s", left, got)
	}
}
