package handout

import (
	"cmp"
	"slices"
)

// item is an event that was given to a reader at least once.
type item struct {
	Entry
	tries   int
	done    []string // never changed: several items have the same one
	due     int64    // aside: when it comes again; otherwise when it may at the earliest
	small   int      // the largest limit of a reader for which it is too large
	where   place
	index   int   // in the heap
	weighed int   // what it counts there, in bytes
	stuck   bool  // no handler was done with it when it came there
	holds   *hold // the readers that have it
	live    int   // holds that are not late
	lane    *lane
	over    bool // settled; some reader still has it
}

// place is where an item is.
type place uint8

const (
	nowhere  place = iota
	out            // a reader has it under way
	stranded       // those who have it hang, and nobody else could take it
	ready          // to be given again
	aside          // it waits for its time
	places
)

// put brings an item to another place.
func (s *Shelf) put(i *item, to place) {
	l, from := i.lane, i.where
	switch from {
	case ready:
		at, _ := slices.BinarySearchFunc(l.again, i, inOrder)
		l.again = slices.Delete(l.again, at, at+1)
	case aside:
		s.leaveAside(i)
	default:
	}
	if from != nowhere {
		l.count[from]--
		s.count[from]--
	}
	i.where = to
	switch to {
	case ready:
		at, _ := slices.BinarySearchFunc(l.again, i, inOrder)
		l.again = slices.Insert(l.again, at, i)
	case aside:
		s.enterAside(i)
	default:
	}
	if to != nowhere {
		l.count[to]++
		s.count[to]++
	}
	s.place(l)
	if from == aside || to == aside {
		s.measure()
	}
}

func inOrder(a, b *item) int { return cmp.Compare(a.Sequence, b.Sequence) }

// hold is that a reader has an item.
type hold struct {
	item   *item
	reader *reader
	// since is when the reader last made progress ahead of it: when it was given, or an earlier one
	// was answered. Those behind are at least as late; see holds.remove.
	since  int64
	late   bool
	repeat bool // the item was given before

	prev, next *hold // of the reader
	other      *hold // of the item
}

// holds is what a reader has, in the order in which it got it.
type holds struct{ first, last *hold }

func (l *holds) push(h *hold) {
	h.prev, h.next = l.last, nil
	if l.last == nil {
		l.first = h
	} else {
		l.last.next = h
	}
	l.last = h
}

// remove takes one out. since is when there was progress for those behind it.
func (l *holds) remove(h *hold, since int64) {
	if h.prev == nil {
		l.first = h.next
	} else {
		h.prev.next = h.next
	}
	if h.next == nil {
		l.last = h.prev
	} else {
		h.next.prev = h.prev
		h.next.since = max(h.next.since, since)
	}
	h.prev, h.next = nil, nil
}

// hand lets a reader have an item.
func (s *Shelf) hand(i *item, r *reader, repeat bool) {
	h := s.spare.hold()
	h.item, h.reader, h.since, h.repeat, h.other = i, r, s.now, repeat, i.holds
	if repeat {
		r.repeats++
		s.redelivered++
	}
	i.holds = h
	i.live++
	r.held.push(h)
	r.events++
	r.bytes += i.Bytes
}

// drop ends a reader's hold. since is when there was progress for what the reader got later.
func (s *Shelf) drop(h *hold, since int64) {
	i, r := h.item, h.reader
	if h.late {
		r.late.remove(h, h.since)
	} else {
		r.held.remove(h, since)
		i.live--
	}
	for at := &i.holds; ; at = &(*at).other {
		if *at == h {
			*at = h.other
			break
		}
	}
	if h.repeat {
		r.repeats--
	}
	r.events--
	r.bytes -= i.Bytes
	s.spare.keepHold(h)
}

// picky reports whether some reader cannot take the item.
func (i *item) picky() bool { return i.holds != nil || i.small > 0 }

// holdOf is that of a reader, nil if it does not have the item.
func (i *item) holdOf(reader string) *hold {
	for h := i.holds; h != nil; h = h.other {
		if h.reader.name == reader {
			return h
		}
	}
	return nil
}

// release brings an item that nobody has under way where it waits for the next one.
func (s *Shelf) release(i *item) {
	switch {
	case i.live > 0:
	case i.due > s.now:
		if !s.park(i) {
			s.put(i, aside)
		}
	case i.holds != nil && !s.anybodyElse(i):
		s.put(i, stranded)
	default:
		s.put(i, ready)
	}
}

// settle ends an item for the service. Readers that still have it keep their credit for it.
func (s *Shelf) settle(i *item) {
	s.over.add(i.Bytes)
	s.unsettled.remove(i.Sequence)
	s.retire(i)
}

// retire takes an item out of its lane, and forgets it when no reader has it.
func (s *Shelf) retire(i *item) {
	s.put(i, nowhere)
	i.lane, i.over = nil, true
	s.forget(i)
}

// forget lets go of a settled item that no reader has.
func (s *Shelf) forget(i *item) {
	if i.over && i.holds == nil {
		delete(s.items, i.Sequence)
		s.spare.keepItem(i)
	}
}
