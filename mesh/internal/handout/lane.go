package handout

import "slices"

// lane is the events of one key, or all in strict order.
type lane struct {
	key   string
	fresh fifo[Entry] // never given, in order
	again []*item     // ready to be given again, in order
	count [places]int // its items, by their place
	stuck int         // those aside with which no handler is done

	repeated bool // what it gave last was given before

	since int64 // when it came into the ring busy, or an event of it was answered since
	slow  bool  // none was for long

	owner      *reader // of the key
	generation uint64  // of well, when the owner was chosen

	ring       *ring
	prev, next *lane
}

// repeats is the item that the lane gives next, nil if that is an event that was never given. The
// former come first, unless an order that became stricter has mixed them.
func (l *lane) repeats() *item {
	if len(l.again) == 0 || l.fresh.len() > 0 && l.fresh.first().Sequence < l.again[0].Sequence {
		return nil
	}
	return l.again[0]
}

// first is the next event to give.
func (l *lane) first() Entry { return l.entry(l.repeats()) }

// entry is an item's event, or without one the first that was never given.
func (l *lane) entry(i *item) Entry {
	if i != nil {
		return i.Entry
	}
	return l.fresh.first()
}

// hasNew reports whether a lane may give an event that was never given, whatever it is to give
// again.
func (s *Shelf) hasNew(l *lane) bool {
	return s.order == Unordered && l.fresh.len() > 0 && !s.stops(l)
}

// repeatOf is the item that a lane gives next, nil if that is an event that was never given.
// Without an order the two take turns.
func (s *Shelf) repeatOf(l *lane) *item {
	if l.repeated && s.hasNew(l) {
		return nil
	}
	return l.repeats()
}

// ring is lanes that take turns.
type ring struct {
	head, tail   *lane
	lanes, fresh int // of the lanes
}

func (r *ring) push(l *lane) {
	l.ring, l.prev, l.next = r, r.tail, nil
	if r.tail == nil {
		r.head = l
	} else {
		r.tail.next = l
	}
	r.tail = l
	r.lanes++
	r.fresh += l.fresh.len()
}

// leave takes the lane out of its ring.
func (l *lane) leave() {
	r := l.ring
	if r == nil {
		return
	}
	if l.prev == nil {
		r.head = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		r.tail = l.prev
	} else {
		l.next.prev = l.prev
	}
	r.lanes--
	r.fresh -= l.fresh.len()
	l.ring, l.prev, l.next = nil, nil, nil
}

// laneOf finds or makes the lane of a key.
func (s *Shelf) laneOf(key string) *lane {
	if s.order == Strict {
		key = ""
	}
	l := s.lanes[key]
	if l == nil {
		l = s.spare.lane()
		l.key, l.owner = key, nil
		s.lanes[key] = l
	}
	return l
}

// place brings a lane into the ring where it belongs now. One that is in it already keeps its turn.
func (s *Shelf) place(l *lane) {
	to := s.ringFor(l)
	if to == l.ring && to != nil {
		return
	}
	l.leave()
	if to != nil {
		l.since = s.now
		to.push(l)
	} else if l.count == [places]int{} {
		delete(s.lanes, l.key)
		s.spare.keepLane(l)
	}
}

// ringFor is where a lane belongs: nil if it has nothing to give.
func (s *Shelf) ringFor(l *lane) *ring {
	switch {
	case len(l.again) == 0 && l.fresh.len() == 0:
		return nil
	case s.order != Unordered && l.count[aside]+l.count[stranded] > 0:
		return &s.stopped
	case s.order != Unordered && (l.count[out] > 0 || l.first().Sequence > s.position):
		return s.behind(l) // or earlier ones are yet to be read again
	case l.repeats() == nil && s.stops(l):
		return &s.stopped
	case len(s.readers) == 0:
		return &s.idle
	case l.key == "":
		return &s.common
	}
	i := s.repeatOf(l)
	r := s.ownerOf(l, i)
	switch n := l.count[out]; {
	case n > 0 && n >= r.free():
		return s.behind(l)
	case i != nil && !s.hasNew(l):
		return &r.again
	}
	return &r.ring
}

// behind is the ring of a lane that waits for what it has under way. No key may have more under way
// than its reader has credit left: so one that is slow never takes all, and more of them leave some
// too.
func (s *Shelf) behind(l *lane) *ring {
	if l.slow {
		return &s.stopped
	}
	return &s.busy
}

// answered notes that an event of a lane was answered.
func (s *Shelf) answered(l *lane) {
	if l != nil && (l.slow || l.ring == &s.busy) {
		l.slow = false
		l.leave()
		s.place(l)
	}
}

// ownerOf chooses the reader that gets the lane's next event: an item, or one that was never given.
func (s *Shelf) ownerOf(l *lane, i *item) *reader {
	if i != nil && i.picky() {
		return s.pick(l.key, i)
	}
	if l.owner == nil || l.generation != s.generation {
		l.owner, l.generation = s.pick(l.key, nil), s.generation
	}
	return l.owner
}

// replace brings all lanes of a ring where they belong now.
func (s *Shelf) replace(rings ...*ring) {
	var lanes []*lane
	for _, r := range rings {
		for r.head != nil {
			lanes = append(lanes, r.head)
			r.head.leave()
		}
	}
	slices.SortFunc(lanes, bySequence)
	for _, l := range lanes {
		s.place(l)
	}
}

func bySequence(a, b *lane) int {
	if a.first().Sequence < b.first().Sequence {
		return -1
	}
	return 1
}
