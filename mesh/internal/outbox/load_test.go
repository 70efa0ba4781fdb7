package outbox

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// losses counts what an outbox says is lost, by service.
type losses struct {
	mu sync.Mutex
	of map[string]uint64 // guarded by mu
}

func (l *losses) add(subject, service string, why Loss, messages uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]uint64{}
	}
	l.of[fmt.Sprintf("%s %s %d", subject, service, why)] += messages
}

func (l *losses) get(service string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[fmt.Sprintf("%s %s %d", solved, service, LostFull)]
}

// bounded is a site whose solves are kept for hunt, and for score with a bound.
func bounded(t *testing.T, b Bound, change ...func(*site)) (*site, *losses) {
	t.Helper()
	l := &losses{}
	return newSite(t, func(s *site) {
		s.config.Types[0].Bounds = map[string]Bound{"score": b}
		s.config.Lost = l.add
		for _, f := range change {
			f(s)
		}
	}).open(t), l
}

// waits is how many solves wait for score.
func (s *site) waits() int {
	for _, r := range s.Stats().Readers {
		if r.Service == "score" && r.Subject == solved {
			return int(r.Pending) + r.Unacked + r.Aside
		}
	}
	return -1
}

func (s *site) try(t *testing.T, subject string, n int, text string) error {
	t.Helper()
	p, err := s.Store(timeout(t), subject+".t1", id(n), []byte(text))
	if err == nil {
		err = p.Wait(timeout(t))
	}
	return err
}

// At its bound a service that refuses lets nothing in of its type, and is named. No message gets in
// beyond it, and one does as soon as there is room. After a restart the bound is what it was.
func TestABoundRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		bound Bound
		says  string
	}{
		"by number": {Bound{MaxMessages: 3}, "3 wait for service score, its max_events"},
		"by size":   {Bound{MaxBytes: 30}, "as much waits for service score as may, its max_bytes is 30"},
	} {
		t.Run(name, func(t *testing.T) {
			s, lost := bounded(t, c.bound)
			text := func(n int) string { return fmt.Sprintf("%010d", n) }
			for n := range 3 {
				if err := s.try(t, solved, n, text(n)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.try(t, solved, 0, text(0)); err != nil {
				t.Errorf("a copy of what is stored: %v", err)
			}
			refused := func() {
				t.Helper()
				err := s.try(t, solved, 3, text(3))
				if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want %s", err, c.says)
				}
			}
			refused()
			if err := s.try(t, taken, 50, text(50)); err != nil {
				t.Errorf("another type: %v", err)
			}
			s.reopen(t)
			refused()
			hunt, score := s.reader(t, "hunt", solved), s.reader(t, "score", solved)
			got := score.get(t, 3)
			score.answer(t, wire.Handled, got[0])
			eventually(t, "room", func() bool { return s.try(t, solved, 3, text(3)) == nil })
			if err := s.try(t, solved, 4, text(4)); !errors.Is(err, ErrFull) {
				t.Errorf("one too many: %v", err)
			}
			if have := texts(hunt.get(t, 4)); have != strings.Join([]string{text(0), text(1), text(2), text(3)}, " ") {
				t.Errorf("hunt has %s", have)
			}
			if lost.get("score")+lost.get("hunt") > 0 {
				t.Error("something is lost")
			}
		})
	}
}

// What waits for a service for too long refuses new messages of its type.
func TestABoundOfAgeRefuses(t *testing.T) {
	s, _ := bounded(t, Bound{MaxAge: 300 * time.Millisecond})
	s.store(t, solved, 1, 1)
	var err error
	n := 1
	eventually(t, "it is old", func() bool { n++; err = s.try(t, solved, n, "x"); return err != nil })
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "for service score for longer than 300ms, its max_age") {
		t.Errorf("error %v", err)
	}
	score := s.reader(t, "score", solved)
	for s.waits() > 0 {
		score.answer(t, wire.Handled, score.get(t, score.untaken())...)
	}
	eventually(t, "it takes more", func() bool { return s.try(t, solved, n, "x") == nil })
}

// A service that loses, and is not there, keeps nobody from anything: no message is refused,
// another service gets all, once, and the absent one gets the newest. What it lost is counted,
// exactly.
func TestAnAbsentServiceThatLosesStopsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		bound Bound
		size  int
	}{
		"by number":                     {Bound{MaxMessages: 100, Lose: true}, 10},
		"by size":                       {Bound{MaxBytes: 20_000, Lose: true}, 200},
		"by number, and others between": {Bound{MaxMessages: 100, Lose: true}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			s, lost := bounded(t, c.bound, func(s *site) { s.config.MaxMessages = 400 })
			hunt := s.reader(t, "hunt", solved)
			const all = 800
			for n := 1; n <= all; n++ {
				text := fmt.Sprint(n, " ", strings.Repeat("x", c.size))
				if err := s.try(t, solved, n, text); err != nil {
					t.Fatalf("message %d: %v", n, err)
				}
				if n%20 == 0 {
					hunt.answer(t, wire.Handled, hunt.get(t, 20)...)
				}
				if strings.Contains(name, "between") && n%20 == 0 {
					if err := s.try(t, taken, all+n, text); err != nil {
						t.Fatalf("message %d: %v", n, err)
					}
				}
			}
			load := s.library.loads[solved][0]
			defer func() {
				if t.Failed() {
					t.Logf("%d wait of %d bytes, %d by the stats, %d are lost", load.events.Load(), load.bytes.Load(), s.waits(), lost.get("score"))
				}
			}()
			eventually(t, "what is too much is lost", func() bool {
				return load.problem(load.events.Load(), load.bytes.Load()) == "" && s.waits() == all-int(lost.get("score"))
			})
			s.reopen(t) // what is lost stays lost
			score := s.reader(t, "score", solved)
			most := all - int(lost.get("score"))
			got := score.get(t, most)
			if most < 80 || most > 100 {
				t.Errorf("%d messages are left", most)
			}
			for i, e := range got {
				if want := fmt.Sprint(all-most+1+i, " "); !strings.HasPrefix(string(e.Message), want) {
					t.Fatalf("message %d is %.10s, want %s", i, e.Message, want)
				}
			}
			if lost.get("hunt") > 0 {
				t.Error("hunt lost something")
			}
		})
	}
}

// What waits for too long for a service that loses is lost for it, and refuses nothing.
func TestABoundOfAgeLoses(t *testing.T) {
	s, lost := bounded(t, Bound{MaxAge: 200 * time.Millisecond, Lose: true}, func(s *site) { s.config.MaxAge = 400 * time.Millisecond })
	hunt := s.reader(t, "hunt", solved)
	s.store(t, solved, 1, 10)
	hunt.answer(t, wire.Handled, hunt.get(t, 10)...)
	eventually(t, "the ten are lost", func() bool { return lost.get("score") == 10 })
	s.store(t, solved, 11, 11)
	if got := texts(s.reader(t, "score", solved).get(t, 1)); got != "11" {
		t.Errorf("score has %s", got)
	}
	hunt.get(t, 1)
}

// What waits for a retry is bounded by age too: it is lost for its service, and others go on.
func TestABoundOfAgeLosesWhatWaitsForARetry(t *testing.T) {
	s, lost := bounded(t, Bound{MaxAge: 200 * time.Millisecond, Lose: true})
	score := s.reader(t, "score", solved)
	s.storeKey(t, solved, "poison", 1, 3)
	score.answerWith(t, wire.Answer{Verdict: wire.Again, After: uint64(time.Hour)}, score.get(t, 3)...)
	aside := func() (r Reader) {
		for _, r = range s.Stats().Readers {
			if r.Service == "score" && r.Subject == solved {
				break
			}
		}
		return r
	}
	eventually(t, "they wait", func() bool {
		r := aside()
		return r.Aside == 3 && r.AsideBytes == 3*len(eventOf(1, "poison", "1")) || lost.get("score") > 0
	})
	eventually(t, "they are lost", func() bool { return lost.get("score") == 3 && aside().Aside == 0 })
	s.storeKey(t, solved, "poison", 4, 4)
	if got := take(t, score, 1); got != "4" {
		t.Errorf("score has %s", got)
	}
}

// What an instance has under way is not lost, and what waits behind a sick key is.
func TestWhatIsUnderWayIsNotLost(t *testing.T) {
	s, lost := bounded(t, Bound{MaxMessages: 10, Lose: true})
	score := s.peer("score-1")
	score.hello(t, imports(5, solved)...)
	s.store(t, solved, 1, 5)
	got := score.get(t, 5)
	s.store(t, solved, 6, 40)
	eventually(t, "the bound holds", func() bool { return s.waits() <= 10 && s.waits() == 40-int(lost.get("score")) })
	score.answer(t, wire.Handled, got...)
	rest := 35 - int(lost.get("score"))
	for left := rest; left > 0; {
		some := score.get(t, 1)
		score.answer(t, wire.Handled, some...)
		left -= len(some)
	}
	eventually(t, "nothing waits", func() bool { return s.waits() == 0 })
}

// A message that the outbox does not take, or has already, counts for no bound.
func TestWhatIsNotStoredCountsForNoBound(t *testing.T) {
	s, _ := bounded(t, Bound{MaxMessages: 3}, func(s *site) { s.config.Duplicates = time.Minute })
	for range 10 {
		if err := s.try(t, solved, 1, "1"); err != nil {
			t.Fatal(err)
		}
	}
	for n := 2; n <= 3; n++ {
		if err := s.try(t, solved, n, "x"); err != nil {
			t.Errorf("message %d: %v", n, err)
		}
	}
}

// Who waits until something was lost does not wait for an outbox that is closed.
func TestNobodyWaitsForAClosedOutbox(t *testing.T) {
	s, _ := bounded(t, Bound{MaxMessages: 2, Lose: true})
	s.store(t, solved, 1, 2)
	closed := s.Outbox
	s.stop(t)
	closed.library.loads[solved][0].events.Store(100) // far beyond
	if _, err := closed.Store(timeout(t), solved+".t1", id(9), []byte("9")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v", err)
	}
}
