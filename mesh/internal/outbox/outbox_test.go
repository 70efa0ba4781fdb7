package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// What a service has not taken is kept, in order, also when it never came and the
// node was down; what all have taken goes.
func TestKeptUntilTaken(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.store(t, solved, 1, 3)
	s.reopen(t)
	hunt := s.reader(t, "hunt", solved)
	if got := take(t, hunt, 3); got != "1 2 3" {
		t.Errorf("hunt got %q", got)
	}
	s.store(t, solved, 4, 5)
	eventually(t, "hunt is seen", func() bool { r := s.Stats().Readers[0]; return r.Exists && r.Unacked == 2 })
	if got := s.events(t); got != 5 {
		t.Errorf("%d messages, of which score has taken none", got)
	}
	score := s.reader(t, "score", solved)
	if got := take(t, score, 5); got != "1 2 3 4 5" {
		t.Errorf("score got %q", got)
	}
	eventually(t, "what both have taken is gone", func() bool { return s.events(t) == 2 })
	take(t, hunt, 2)
	s.store(t, taken, 6, 6)
	eventually(t, "what the third type's reader has not taken is left", func() bool { return s.events(t) == 1 })
	if got := take(t, s.reader(t, "score", taken), 1); got != "6" {
		t.Errorf("score got %q", got)
	}
	eventually(t, "nothing is left", func() bool { return s.events(t) == 0 })
}

// A type that nobody takes holds up the removal of no other.
func TestTypesAreTrimmedApart(t *testing.T) {
	s := newSite(t, nil).open(t)
	s.storeSingly(t, taken, 1, 10)
	s.storeSingly(t, solved, 11, 20)
	s.storeSingly(t, taken, 21, 30)
	hunt, score := s.reader(t, "hunt", solved), s.reader(t, "score", solved)
	take(t, hunt, 10)
	take(t, score, 4)
	eventually(t, "4 are gone", func() bool { return s.events(t) == 26 })
	take(t, score, 6)
	eventually(t, "10 are gone", func() bool { return s.events(t) == 20 })
	s.reopen(t)
	if got := take(t, s.reader(t, "score", taken), 20); !strings.HasPrefix(got, "1 2 3") || !strings.HasSuffix(got, "29 30") {
		t.Errorf("got %q", got)
	}
	eventually(t, "all are gone", func() bool { return s.events(t) == 0 })
}

// Whoever looks at the stream meanwhile changes nothing of what the outbox knows of it.
func TestOthersLookAtTheStream(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.Types = s.config.Types[1:] }).open(t)
	s.storeSingly(t, taken, 1, 300)
	score := s.reader(t, "score", taken)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				_, _ = s.stream.Info(ctx)
			}
		})
	}
	for range 300 {
		take(t, score, 1)
	}
	eventually(t, "all are removed", func() bool { return s.events(t) == 0 })
	stop()
	others.Wait()
	s.stop(t)
	if m, err := readMark(s.config.Dir); err != nil || m.Removed != 300 || strings.Contains(s.log.String(), "lost") {
		t.Errorf("the mark is %+v, %v, and the log:\n%s", m, err, s.log)
	}
}

// A second message of an id is none, also after a restart and when the first was taken.
func TestDuplicates(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.Duplicates = time.Hour; s.config.Types = s.config.Types[1:] }).open(t)
	s.store(t, taken, 1, 2)
	score := s.reader(t, "score", taken)
	take(t, score, 2)
	for range 2 {
		s.store(t, taken, 1, 2)
		s.reopen(t)
		if last := s.Stats().Last; last != 2 {
			t.Errorf("2 ids were stored as %d messages", last)
		}
	}
}

// A full outbox refuses, loses nothing, and stores again when something was taken.
func TestFull(t *testing.T) {
	for what, bound := range map[string]func(*Config){
		"messages": func(c *Config) { c.MaxMessages = 100 },
		"bytes":    func(c *Config) { c.MaxBytes = 10_000 },
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, func(s *site) {
				s.config.Types = s.config.Types[1:]
				s.config.Duplicates = time.Hour // what was taken must go nevertheless
				bound(&s.config)
			}).open(t)
			stored := 0
			var err error
			for n := 1; err == nil; n++ {
				var p *Pending
				if p, err = s.Store(timeout(t), taken+".t1", id(n), eventOf(n, "t1", fmt.Sprint(n))); err == nil {
					if err = p.Wait(timeout(t)); err == nil {
						stored++
					}
				}
			}
			if !errors.Is(err, ErrFull) || stored < 50 || stored > 100 {
				t.Fatalf("after %d: %v", stored, err)
			}
			if got := s.events(t); got != uint64(stored) {
				t.Errorf("%d of %d are there", got, stored)
			}
			s.reopen(t)
			score := s.reader(t, "score", taken)
			take(t, score, stored)
			eventually(t, "there is room", func() bool {
				p, err := s.Store(timeout(t), taken+".t1", id(1000), []byte("new"))
				return err == nil && p.Wait(timeout(t)) == nil
			})
			if got := take(t, score, 1); got != "new" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// While the oldest is too old, new ones are refused; nothing goes for its age.
func TestMaxAge(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.MaxAge = 200 * time.Millisecond }).open(t)
	s.store(t, taken, 1, 1)
	eventually(t, "the refusal", s.overAge.Load)
	if _, err := s.Store(timeout(t), taken+".t1", id(2), nil); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if got := s.events(t); got != 1 {
		t.Errorf("%d messages", got)
	}
	take(t, s.reader(t, "score", taken), 1)
	eventually(t, "no refusal", func() bool {
		_, err := s.Store(timeout(t), taken+".t1", id(3), nil)
		return err == nil
	})
}

// The oldest is of those that somebody has to take yet, and not of all that is there.
func TestOldest(t *testing.T) {
	s := newSite(t, func(s *site) { s.config.Duplicates = time.Hour }).open(t)
	oldest := func(what string, ok func(time.Time) bool) {
		t.Helper()
		eventually(t, what, func() bool { return ok(s.Stats().OldestAt) })
	}
	s.store(t, taken, 1, 1)
	oldest("the first", func(at time.Time) bool { return !at.IsZero() })
	between := time.Now()
	s.store(t, taken, 2, 2)
	score := s.reader(t, "score", taken)
	take(t, score, 1)
	oldest("the second", func(at time.Time) bool { return at.After(between) })
	take(t, score, 1)
	oldest("none", time.Time.IsZero)
	if got := s.events(t); got != 2 {
		t.Errorf("%d messages", got)
	}
}

func TestClose(t *testing.T) {
	s := newSite(t, nil).open(t)
	var all []*Pending
	for n := range 1000 {
		p, err := s.Store(timeout(t), solved+".t1", id(n), []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	o := s.Outbox
	s.Outbox = nil
	if err := o.Close(timeout(t)); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, p := range all {
		if err := p.Wait(ended); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.Store(timeout(t), solved+".t1", id(1), nil); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// An Open that is interrupted, whenever that is, leaves nothing running behind its server.
func TestOpenInterrupted(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for after := time.Duration(0); after < time.Second; after += 200 * time.Microsecond {
		s := newSite(t, nil)
		s.serve(t)
		var err error
		ctx, cancel := context.WithTimeout(t.Context(), after)
		s.Outbox, err = Open(ctx, s.conn, s.config)
		cancel()
		s.stop(t)
		if err := goleak.Find(before); err != nil {
			t.Fatalf("after %v: %v", after, err)
		}
		if err == nil {
			return
		}
	}
	t.Error("it never opened")
}

// A start whose context ends says why it did. The client knows its error alone.
func TestOpenSaysWhyItsContextEnded(t *testing.T) {
	s := newSite(t, nil)
	s.serve(t)
	why := errors.New("the operator has no more time")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := Open(ctx, s.conn, s.config); !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("%v", err)
	}
}
