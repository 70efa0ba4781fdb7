package handout

// Sum is how many events, and the bytes of those whose size is known.
type Sum struct {
	_             struct{} `cbor:",toarray"`
	Events, Bytes uint64
}

func (s *Sum) add(bytes int) {
	s.Events++
	s.Bytes += uint64(bytes)
}

// Settled is what was settled since the shelf was made, in whatever way.
func (s *Shelf) Settled() Sum { return s.over }

// Missed is how many events the stream had no more.
func (s *Shelf) Missed() uint64 { return s.missing }

// LeftAfter is how many of the events up to Known would still wait after [Shelf.Lose].
func (s *Shelf) LeftAfter(upTo uint64) (sum uint64) {
	for b := s.unsettled.last; b != nil && b.number >= upTo>>blockBits; b = b.prev {
		if b.number > upTo>>blockBits {
			sum += uint64(b.count)
			continue
		}
		for at, ok := s.unsettled.from(upTo + 1); ok && at>>blockBits == b.number; at, ok = s.unsettled.from(at + 1) {
			sum++
		}
	}
	for _, i := range s.items {
		if i.Sequence <= upTo && i.holds != nil && !i.over {
			sum++
		}
	}
	return sum
}

// Lose gives up all events up to a sequence that no reader has under way, and returns how many it
// knew of. Those that were not offered yet are passed over when they come.
func (s *Shelf) Lose(upTo uint64, now int64) (lost uint64) {
	s.tick(now)
	for sequence, ok := s.unsettled.from(0); ok && sequence <= upTo; sequence, ok = s.unsettled.from(sequence + 1) {
		i := s.items[sequence]
		switch {
		case i == nil:
			s.over.Events++ // its bytes are counted below, if they are known
			s.unsettled.remove(sequence)
			delete(s.remembered, sequence)
		case i.holds != nil:
			continue
		default:
			s.settle(i)
		}
		lost++
	}
	for _, l := range s.lanes {
		removed := l.fresh.removeAll(func(e Entry) bool { return s.passes(e, upTo) })
		if s.held -= removed; l.ring != nil {
			l.ring.fresh -= removed
		}
		if removed > 0 {
			s.place(l)
		}
	}
	s.parked.removeAll(func(p parked) bool { return s.passes(p.Entry, upTo) })
	s.position = max(s.position, upTo)
	return lost
}

// passes reports whether an event that nobody has is given up, and counts its bytes.
func (s *Shelf) passes(e Entry, upTo uint64) bool {
	if e.Sequence > upTo {
		return false
	}
	s.over.Bytes += uint64(e.Bytes)
	return true
}
