package inlet

import (
	"context"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"slices"
	"strings"
	"testing"
	"time"
)

// Close at each state: what a handler finishes is answered, all else goes back at once, and an
// event is given up by nobody.
func TestClose(t *testing.T) {
	ctxFails := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
	for name, c := range map[string]struct {
		before   func(s *site)
		during   func(s *site)
		patience time.Duration
		answers  []string
	}{
		"before a link":   {nil, nil, time.Hour, nil},
		"before welcome":  {func(s *site) { s.dial(); s.heard() }, nil, time.Hour, []string{"goodbye"}},
		"at rest":         {func(s *site) { s.link(); s.heard() }, nil, time.Hour, []string{"goodbye", "goodbye"}},
		"with an answer":  {func(s *site) { s.link(); s.heard(); s.give(event(1, "owls")) }, nil, time.Hour, []string{"1 handled", "goodbye", "goodbye"}},
		"without a link":  {func(s *site) { s.link(); s.cutLink(); s.heard() }, nil, time.Hour, nil},
		"given afterward": {func(s *site) { s.link(); s.heard() }, func(s *site) { s.give(event(1, "owls")); s.want("1 later") }, time.Hour, []string{"goodbye"}},
		"while it is handled": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(func(context.Context, int) error { time.Sleep(time.Second); return nil })
			s.give(event(1, "owls"), event(2, "owls"))
		}, nil, time.Hour, []string{"goodbye", "1 handled", "2 later but for count", "goodbye"}},
		"during a last try": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(ctxFails)
			s.give(tried(event(1, "owls"), 2))
		}, nil, time.Second, []string{"goodbye", "1 later but for count", "goodbye"}},
		"during a handler that does not end": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(func(context.Context, int) error { time.Sleep(time.Hour); return handling.Final(errSick) })
			s.give(tried(event(1, "owls"), 2))
		}, nil, time.Second, []string{"goodbye", "1 later", "goodbye"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newSite(t, nil)
				if c.before != nil {
					c.before(s)
				}
				s.beginClose()
				if c.during != nil {
					c.during(s)
				}
				s.wait(10 * time.Millisecond)
				s.endClose(c.patience)
				for _, after := range s.afters() {
					if after != 0 {
						t.Errorf("stays away for %v", after)
					}
				}
				if got := s.heard(); !slices.Equal(got, c.answers) {
					t.Errorf("heard %q, want %q", got, c.answers)
				}
				s.wait(2 * time.Hour)
				s.wantKept()
				if lost := s.count(stats.Lost, stats.OutboxGone) + s.count(stats.Lost, stats.Closed); lost != 0 {
					t.Errorf("%d lost", lost)
				}
			})
		})
	}
}

// Who closes a link, or leaves an exporter, waits until the exporter has heard the last answers;
// not for one that is gone, or that does not say so.
func TestTheLastAnswersAreHeard(t *testing.T) {
	const after = 80 * time.Millisecond
	for name, c := range map[string]struct {
		exporter func(s *site) // once it has heard the last goodbye
		least    time.Duration
		most     time.Duration
	}{
		"it returns the goodbye": {func(s *site) { s.sayGoodbye() }, after, after + 10*time.Millisecond},
		"it ends as well":        {func(s *site) { s.sayGoodbye(); s.sayGoodbye() }, after, after + 10*time.Millisecond},
		"its link breaks":        {func(s *site) { s.mu.Lock(); s.up = false; s.mu.Unlock() }, after, after + 10*time.Millisecond},
		"it says nothing":        {func(*site) {}, partGrace, partGrace + 10*time.Millisecond},
	} {
		for how, end := range map[string]func(s *site){
			"close": func(s *site) { s.close(time.Hour) },
			"leave": func(s *site) { s.set.Remove("clue-1"); s.awaitNoWay() },
		} {
			t.Run(how+", "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newSite(t, nil)
					s.set.Remove("hunt-1")
					s.link()
					s.wait(time.Second)
					s.give(event(1, "owls"))
					s.wait(time.Second)
					s.heard()
					s.afterGoodbye = func(n int) {
						if n == 1 { // the first
							s.sayGoodbye()
							return
						}
						time.Sleep(after)
						c.exporter(s)
					}
					began := time.Now()
					end(s)
					if took := time.Since(began); took < c.least || took > c.most {
						t.Errorf("it took %v", took)
					}
					if told := strings.Contains(s.log.String(), "has not said that it heard the last answers"); told != (c.least == partGrace) {
						t.Errorf("the log: %s", s.log.String())
					}
					if got := s.heard(); name != "its link breaks" && !slices.Equal(got, []string{"goodbye", "goodbye"}) {
						t.Errorf("heard %q", got)
					}
				})
			})
		}
	}
}

// awaitNoWay waits until the way to clue-1 is closed.
func (s *site) awaitNoWay() {
	for {
		s.mu.Lock()
		n := s.ways
		s.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// sayGoodbye lets clue-1 say it, or return that of score-1.
func (s *site) sayGoodbye() {
	data, err := wire.EncodeTalk(&wire.Goodbye{Nonce: s.nonce})
	if err != nil {
		s.t.Error(err)
	}
	s.set.Hear("clue-1", data)
}

// afters are how long the events stay away that were answered for, since heard was asked last.
func (s *site) afters() (all []time.Duration) {
	s.wait(2 * gatherFor)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, message := range s.said {
		if m, ok := message.(*wire.Answers); ok {
			for _, a := range m.Answers {
				all = append(all, time.Duration(a.After))
			}
		}
	}
	return all
}
