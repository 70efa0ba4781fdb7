package handout

import (
	"slices"
	"time"
)

// Verdict is what became of an event at a reader.
type Verdict uint8

// The verdicts.
const (
	// Handled: it is over for the service.
	Handled Verdict = iota
	// Again: a handler failed. The event comes again, and that was a try.
	Again
	// Later: nobody tried. The event comes again.
	Later
)

// Bounds of what a reader says.
const (
	maxAfter = 24 * time.Hour
	maxDone  = 64
	maxName  = 256 // bytes
)

// Reply is what a reader says about an event.
type Reply struct {
	Sequence uint64
	Verdict  Verdict
	// After is how long the event stays away, at most a day.
	After time.Duration
	// Done are the handlers that need not run again.
	Done []string
}

// Answer takes what a reader says. It is believed only about what that reader has under way. Where
// several have the event, because one of them hung, the first that handled it ends it; what the
// others say then changes nothing but their credit.
func (s *Shelf) Answer(name string, a Reply, now int64) (believed bool) {
	s.tick(now)
	i := s.items[a.Sequence]
	if i == nil || a.Verdict > Later {
		return false
	}
	h := i.holdOf(name)
	if h == nil {
		return false
	}
	r := h.reader
	progress := a.Verdict != Later || s.learn(i, r, a.Done)
	if a.Verdict == Again {
		s.learn(i, r, a.Done)
	}
	after := min(max(a.After, 0), maxAfter)
	s.drop(h, s.now)
	s.answered(i.lane)
	switch {
	case i.over:
		s.forget(i)
	case a.Verdict == Handled:
		s.settle(i)
	default:
		if a.Verdict == Again {
			i.tries++
		}
		i.due = max(i.due, s.now+int64(after))
		s.release(i)
	}
	s.judge(r, progress, after)
	return true
}

// learn notes which handlers are done with an item, and reports whether one is that was not.
func (s *Shelf) learn(i *item, r *reader, done []string) (more bool) {
	all := i.done
	for _, name := range done {
		known := len(r.terms.Handlers) == 0 || slices.Contains(r.terms.Handlers, name)
		if known && len(name) <= maxName && len(all) < maxDone && !slices.Contains(all, name) {
			all = append(slices.Clip(all), name)
			more = true
		}
	}
	if more {
		i.done = s.once(all)
	}
	return more
}

// once gives the handlers as they were given before, if they are the same as last time: what waits
// for one handler mostly has the same others done.
func (s *Shelf) once(done []string) []string {
	if !slices.Equal(done, s.same) {
		s.same = done
	}
	return s.same
}

// Oversize says that an event which Next gave is larger than the reader takes. It goes to another
// reader that takes larger ones. If there is none it is lost for the service.
func (s *Shelf) Oversize(name string, sequence uint64, now int64) (lost bool) {
	s.tick(now)
	i := s.items[sequence]
	if i == nil {
		return false
	}
	h := i.holdOf(name)
	if h == nil {
		return false
	}
	r := h.reader
	s.drop(h, h.since)
	if i.over {
		s.forget(i)
		return false
	}
	i.small = max(i.small, r.limit())
	other := slices.ContainsFunc(s.readers, func(o *reader) bool { return o.limit() > i.small })
	if !other && i.holds == nil {
		s.oversize++
		s.settle(i)
		return true
	}
	s.release(i)
	return false
}
