package inlet

import (
	"context"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"slices"
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
		"at rest":         {func(s *site) { s.link(); s.heard() }, nil, time.Hour, []string{"goodbye"}},
		"with an answer":  {func(s *site) { s.link(); s.heard(); s.give(event(1, "owls")) }, nil, time.Hour, []string{"1 handled", "goodbye"}},
		"without a link":  {func(s *site) { s.link(); s.cutLink(); s.heard() }, nil, time.Hour, nil},
		"given afterward": {func(s *site) { s.link(); s.heard() }, func(s *site) { s.give(event(1, "owls")); s.want("1 later") }, time.Hour, nil},
		"while it is handled": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(func(context.Context, int) error { time.Sleep(time.Second); return nil })
			s.give(event(1, "owls"), event(2, "owls"))
		}, nil, time.Hour, []string{"goodbye", "1 handled", "2 later but for count"}},
		"during a last try": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(ctxFails)
			s.give(tried(event(1, "owls"), 2))
		}, nil, time.Second, []string{"goodbye", "1 later but for count"}},
		"during a handler that does not end": {func(s *site) {
			s.link()
			s.heard()
			s.handlers["mail"].does(func(context.Context, int) error { time.Sleep(time.Hour); return handling.Final(errSick) })
			s.give(tried(event(1, "owls"), 2))
		}, nil, time.Second, []string{"goodbye", "1 later"}},
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
