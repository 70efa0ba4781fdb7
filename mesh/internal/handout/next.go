package handout

// Gift is an event for a reader.
type Gift struct {
	Reader string
	Entry
	// Tries is how often it failed in a way that counts, Done which handlers need not run. Done
	// must not be changed.
	Tries int
	Done  []string
}

// Next gives the next event to send now. The caller asks until there is none. What it cannot send
// it tells: [Shelf.Missing], [Shelf.Oversize] or [Shelf.Leave].
func (s *Shelf) Next(now int64) (g Gift, ok bool) {
	s.tick(now)
	s.pass()
	if len(s.readers) == 0 {
		return Gift{}, false
	}
	turns := len(s.readers) + 1 // and one for what has no key
	for range turns {
		s.turn = (s.turn + 1) % turns
		if s.turn == len(s.readers) {
			g, ok = s.nextCommon()
		} else {
			g, ok = s.nextOf(s.readers[s.turn])
		}
		if ok {
			return g, true
		}
	}
	return Gift{}, false
}

// head is the first lane of a ring that still belongs there. A bound that was reached moves lanes
// only when it is their turn.
func (s *Shelf) head(r *ring) *lane {
	for l := r.head; l != nil; l = r.head {
		if s.ringFor(l) == r {
			return l
		}
		s.place(l)
	}
	return nil
}

// nextOf gives a reader the first of its lanes. Where that does not fit, the others wait too: or
// small events would keep a large one away for ever.
func (s *Shelf) nextOf(r *reader) (Gift, bool) {
	l, i := s.laneFor(r)
	if l == nil || !r.fits(l.entry(i).Bytes) {
		return Gift{}, false
	}
	r.repeated = l.ring == &r.again
	return s.give(l, r, i), true
}

// laneFor is the lane whose turn it is at a reader, and what it gives again; nil if that is an
// event that was never given. Lanes with nothing new take turns with the others, as all of them
// together may wait for what the reader has of them.
func (s *Shelf) laneFor(r *reader) (*lane, *item) {
	l, again := s.head(&r.ring), s.head(&r.again)
	if l == nil {
		l = s.head(&r.ring) // some may have come from again
	}
	if again != nil && r.mayRepeat() && (l == nil || !r.repeated) {
		return again, again.repeats()
	}
	if l == nil {
		return nil, nil
	}
	i := s.repeatOf(l)
	if i != nil && !i.picky() && !r.mayRepeat() && s.hasNew(l) {
		i = nil
	}
	return l, i
}

// nextCommon gives an event without a key. One that was given before and has to wait for a certain
// reader holds up no others, but for their order.
func (s *Shelf) nextCommon() (Gift, bool) {
	l := s.head(&s.common)
	if l == nil {
		return Gift{}, false
	}
	i := s.repeatOf(l)
	if i != nil {
		if r := s.freest(i.Bytes, i); r != nil {
			return s.give(l, r, i), true
		}
		if !s.hasNew(l) {
			return Gift{}, false
		}
	}
	if r := s.freest(l.fresh.first().Bytes, nil); r != nil {
		return s.give(l, r, nil), true
	}
	return Gift{}, false
}

// give hands out an item of a lane again, or without one its first event that was never given. Then
// it is the next lane's turn.
func (s *Shelf) give(l *lane, r *reader, i *item) Gift {
	repeat := i != nil
	if !repeat {
		i = s.take(l)
	}
	l.leave()
	l.repeated = repeat
	i.due = s.now
	s.hand(i, r, repeat)
	s.put(i, out)
	return Gift{Reader: r.name, Entry: i.Entry, Tries: i.tries, Done: i.done}
}

// take makes an item of the lane's first event that was never given.
func (s *Shelf) take(l *lane) *item {
	i := s.spare.item()
	l.ring.fresh--
	i.Entry = l.fresh.pop()
	i.lane = l
	s.held--
	s.items[i.Sequence] = i
	return i
}

// pass does what is due now.
func (s *Shelf) pass() {
	for len(s.aside) > 0 && s.aside[0].due <= s.now {
		s.release(s.aside[0])
	}
	if s.level == 0 {
		s.unpark((s.config.MaxAside+1)/2 - s.count[aside] - s.count[ready])
	}
	for l := s.busy.head; l != nil && l.since+int64(slow) <= s.now; l = s.busy.head {
		l.slow = true
		s.place(l)
	}
	s.lose()
}

// Wake is when Next may give more only because time has passed.
func (s *Shelf) Wake() (at int64, ok bool) {
	sooner := func(t int64) {
		if !ok || t < at {
			at, ok = t, true
		}
	}
	if len(s.aside) > 0 {
		sooner(s.aside[0].due)
	}
	if s.busy.head != nil && s.busy.fresh >= s.window() {
		sooner(s.busy.head.since + int64(slow)) // then it reads on
	}
	for _, r := range s.readers {
		if r.held.first != nil {
			sooner(r.held.first.since + int64(s.config.Patience))
		}
		if r.rest != 0 {
			sooner(r.rest)
		}
	}
	return at, ok
}
