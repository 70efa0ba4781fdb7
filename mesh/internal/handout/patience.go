package handout

import "time"

const (
	// laters is after how many answers in a row that say only Later a reader rests.
	laters = 16
	// A rest is as long as the reader says that the last event stays away, within these.
	shortRest = time.Second
	longRest  = time.Minute
)

// judge notes whether a reader gets anywhere. One that only puts off what it is given rests: others
// get its keys, if there are others.
func (s *Shelf) judge(r *reader, progress bool, after time.Duration) {
	if progress {
		r.laters, r.rest = 0, 0
	} else if r.laters++; r.laters >= laters {
		r.rest = s.now + int64(min(max(after, shortRest), longRest))
	}
	if r.isWell() != r.well {
		s.choose()
	}
}

// Progress says that what a reader was given is on its way there, and has come as far as an event.
// The reader's patience for that one, and for those behind it, begins now.
func (s *Shelf) Progress(name string, sequence uint64, now int64) {
	s.tick(now)
	if i := s.items[sequence]; i != nil {
		if h := i.holdOf(name); h != nil && !h.late {
			h.since = s.now
		}
	}
}

// Withdraw takes back an event that Next gave and that was not sent.
func (s *Shelf) Withdraw(name string, sequence uint64, now int64) {
	s.tick(now)
	i := s.items[sequence]
	if i == nil {
		return
	}
	h := i.holdOf(name)
	if h == nil {
		return
	}
	s.drop(h, h.since)
	if i.over {
		s.forget(i)
		return
	}
	s.release(i)
}

// lose is what becomes of events that readers have without progress for too long: others may have
// them too. And rests end.
func (s *Shelf) lose() {
	changed := false
	for _, r := range s.readers {
		for h := r.held.first; h != nil && h.since+int64(s.config.Patience) <= s.now; h = r.held.first {
			s.despair(h)
			changed = true
		}
		if r.rest != 0 && r.rest <= s.now {
			r.laters, r.rest = 0, 0
			changed = true
		}
	}
	if changed {
		s.choose()
	}
}

// despair waits no longer for a reader's answer, which still counts if it comes.
func (s *Shelf) despair(h *hold) {
	i, r := h.item, h.reader
	r.held.remove(h, h.since)
	r.late.push(h)
	h.late = true
	if i.live--; !i.over {
		s.release(i)
	}
}
