package outbox

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// deaf makes a lane miss the answers to what it sends, and undeaf has it hear them again.
func (s *site) deaf(kind string) *lane {
	l := s.sender.lanes[kind]
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	l.inbox = s.conn.NewInbox() + "."
	s.sender.full = func() {} // nobody looks but the test
	return l
}

func (s *site) undeaf(l *lane, kind string) {
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	l.inbox = s.sender.inbox + kind + "."
}

// Of an event of which no answer came it is found out whether it is stored. Until then its emitter,
// and who tries again, are told that it may be; what waited behind it is not stored; and it is
// never stored twice.
func TestDoubt(t *testing.T) {
	for _, reached := range []bool{true, false} {
		t.Run(fmt.Sprintf("it reached the stream: %v", reached), func(t *testing.T) {
			s := newSite(t, func(s *site) {
				s.config.Types = s.config.Types[1:]
				s.config.Types[0].Bounds = map[string]Bound{"score": {MaxMessages: 5}}
				s.config.Duplicates, s.config.tuning.interval = time.Hour, time.Hour
			}).open(t)
			s.store(t, taken, 1, 2)
			before := s.messages(t)
			l := s.deaf(taken)
			if !reached {
				s.sender.mu.Lock()
				l.subject = "nowhere.to.be.found"
				s.sender.mu.Unlock()
			}
			try := func(n int) *Pending {
				p, err := s.Store(timeout(t), taken+".t1", id(n), eventOf(n, "t1", fmt.Sprint(n)))
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			first := try(3)
			behind := try(4)
			if second := try(3); second.first != first || !second.IsCopy() || first.IsCopy() {
				t.Error("a second one of the id does not wait for the first")
			}
			s.undeaf(l, taken)
			if reached {
				eventually(t, "it is stored", func() bool { return s.messages(t) > before })
			}
			s.sender.abandon(fmt.Errorf("%w: no answer", ErrDisk))
			if err := first.Wait(t.Context()); !errors.Is(err, ErrUncertain) || !errors.Is(err, ErrDisk) {
				t.Errorf("the first: %v", err)
			}
			if err := behind.Wait(t.Context()); errors.Is(err, ErrUncertain) || !errors.Is(err, ErrDisk) {
				t.Errorf("the one behind: %v", err)
			}
			if err := try(3).Wait(t.Context()); !errors.Is(err, ErrUncertain) {
				t.Errorf("once more, in doubt: %v", err)
			}
			later := try(5) // waits until it is known
			l.subject = taken + "." + groupToken
			if err := s.sender.resolve(timeout(t), s.stream); err != nil {
				t.Fatal(err)
			}
			for _, p := range []*Pending{later, try(3), try(4)} {
				if err := p.Wait(timeout(t)); err != nil {
					t.Error(err)
				}
			}
			s.library.loads[taken][0].carries(t, "when all is known", 5, len(eventOf(1, "t1", "1")))
			want := "1 2 5 3 4"
			if reached {
				want = "1 2 3 5 4"
			}
			p := s.reader(t, "score", taken)
			if got := take(t, p, 5); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := s.events(t); got != 5 {
				t.Errorf("%d events are counted", got)
			}
		})
	}
}

// An outbox is closed while an event is in doubt.
func TestCloseInDoubt(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.Duplicates, s.config.tuning.interval = time.Hour, time.Hour }).open(t)
	l := s.deaf(taken)
	s.store(t, solved, 1, 1)
	first, err := s.Store(timeout(t), taken+".t1", id(2), eventOf(2, "t1", "2"))
	if err != nil {
		t.Fatal(err)
	}
	s.undeaf(l, taken)
	s.sender.abandon(ErrDisk)
	behind, err := s.Store(timeout(t), taken+".t1", id(3), eventOf(3, "t1", "3"))
	if err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if err := first.Wait(t.Context()); !errors.Is(err, ErrUncertain) {
		t.Error(err)
	}
	if err := behind.Wait(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	s.store(t, taken, 2, 2) // it is there: the stream tells
	if got := take(t, s.reader(t, "score", taken), 1); got != "2" || s.events(t) != 2 {
		t.Errorf("got %s of %d events", got, s.events(t))
	}
}

// While the ids of what was stored lately are not read, nothing is stored, and who emits is not
// kept for long.
func TestNothingIsStoredBeforeIDsAreKnown(t *testing.T) {
	s := newSite(t, nil).open(t)
	unready := newSender(s.conn, s.config.withDefaults())
	unready.patience = time.Millisecond
	if _, err := unready.store(t.Context(), taken+".t1", id(1), nil); err == nil || unready.lanes[taken] != nil {
		t.Errorf("stored: %v", err)
	}
	unready.lanes[taken] = &lane{}
	if _, err := unready.store(t.Context(), taken+".t1", id(1), nil); !errors.Is(err, ErrDisk) {
		t.Errorf("after a while: %v", err)
	}
	unready.patience = patience
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := unready.store(ended, taken+".t1", id(1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ends: %v", err)
	}
	close(unready.quit)
	if _, err := unready.store(t.Context(), taken+".t1", id(1), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
