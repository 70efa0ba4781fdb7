package handout

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// maxCredit bounds how many events a reader can have under way, whatever it asks for.
const maxCredit = 4096

// Order says in which order events are handed out.
type Order uint8

// The orders. Where the readers of a service ask for several, the strictest holds for all.
const (
	// Unordered is in any order, nearly that of the stream.
	Unordered Order = iota
	// ByKey lets at most one event of a key be under way or wait apart. Others pass.
	ByKey
	// Strict lets at most one event be under way or wait apart.
	Strict
)

// Terms are what a reader takes.
type Terms struct {
	// Events and Bytes are its credit: how much it takes at once, at most 4096 events. An event of
	// more bytes than the credit is handed out alone.
	Events, Bytes int
	Ordered       Order
	// Handlers are the names of those that handle the events. A reader is believed only that one of
	// these is done with an event. None: it is believed whatever it names.
	Handlers []string
	// MaxPayload is the largest message that the reader takes, in bytes; 0 is any.
	MaxPayload int
}

// reader is one instance of the service.
type reader struct {
	name  string
	hash  uint64
	terms Terms

	repeats       int   // how many of those it has were given before
	events, bytes int   // what it has, late or settled meanwhile too
	held          holds // in the order in which it got them
	late          holds // without progress for Patience

	laters int   // answers in a row that say no more than Later
	rest   int64 // until then it gets nothing that another could take; 0: it does not rest
	well   bool  // it was, when readers were last chosen from

	ring     ring // lanes that it is to get something of
	again    ring // of these, lanes with nothing but what was given before
	repeated bool // it got something of again last
}

// isWell reports whether it neither hangs nor rests.
func (r *reader) isWell() bool { return r.late.first == nil && r.rest == 0 }

// limit is the largest message that the reader takes.
func (r *reader) limit() int {
	if r.terms.MaxPayload <= 0 {
		return math.MaxInt
	}
	return r.terms.MaxPayload
}

// free is for how many more events the reader has credit.
func (r *reader) free() int { return r.terms.Events - r.events }

// fits reports whether the reader's credit is enough for one more event.
func (r *reader) fits(bytes int) bool {
	return r.events < r.terms.Events && (r.events == 0 || bytes <= r.terms.Bytes-r.bytes)
}

// mayRepeat reports whether the reader may get more that was given before: half of its credit is
// for what is new. What comes again and again would else take all of it, and all of the reader's
// time.
func (r *reader) mayRepeat() bool { return r.repeats < (r.terms.Events+1)/2 }

// Join lets a reader have events from now on. One that is there already changes its terms, and
// keeps what it has under way.
func (s *Shelf) Join(name string, t Terms, now int64) {
	s.tick(now)
	t.Events = min(t.Events, maxCredit)
	t.Handlers = slices.Clone(t.Handlers)
	at, found := s.find(name)
	if !found {
		s.readers = slices.Insert(s.readers, at, &reader{name: name, hash: hash(name)})
	}
	r := s.readers[at]
	before := r.limit()
	r.terms = t
	if !found || r.limit() != before {
		s.gather()
	}
	s.settleOrder()
}

// Leave takes back what a reader has under way. It may go to others at once, and was no try.
func (s *Shelf) Leave(name string, now int64) {
	s.tick(now)
	at, found := s.find(name)
	if !found {
		return
	}
	r := s.readers[at]
	s.readers = slices.Delete(s.readers, at, at+1)
	var had []*item
	for _, list := range []*holds{&r.held, &r.late} {
		for list.first != nil {
			had = append(had, list.first.item)
			s.drop(list.first, 0)
		}
	}
	s.gather(&r.ring, &r.again)
	for _, i := range had {
		switch {
		case i.over:
			s.forget(i)
		case i.where == out || i.where == stranded:
			s.release(i)
		}
	}
	s.settleOrder()
}

func (s *Shelf) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(s.readers, name, func(r *reader, name string) int { return strings.Compare(r.name, name) })
}

// gather brings everything to the readers that are there now, also from the rings given.
func (s *Shelf) gather(rings ...*ring) {
	s.well = nil
	s.choose(rings...)
	for _, r := range s.readers {
		for h := r.late.first; h != nil; h = h.next {
			if i := h.item; !i.over && i.live == 0 && i.where != aside {
				s.release(i)
			}
		}
	}
}

// choose finds the readers to choose from: those that are well, or all if none is. Where they are
// others than before, keys go to their new readers, also those in the rings given.
func (s *Shelf) choose(rings ...*ring) {
	var well []*reader
	for _, r := range s.readers {
		if r.well = r.isWell(); r.well {
			well = append(well, r)
		}
	}
	if well == nil {
		well = slices.Clone(s.readers)
	}
	if s.well != nil && slices.Equal(well, s.well) {
		return
	}
	s.well = well
	s.generation++
	rings = append(rings, &s.common, &s.idle)
	for _, r := range s.readers {
		rings = append(rings, &r.ring, &r.again)
	}
	s.replace(rings...)
}

// pick chooses the reader of a key, of which each has one as long as the readers are the same; for
// an item, one that could take it.
func (s *Shelf) pick(key string, i *item) *reader {
	if i == nil {
		return highest(s.well, key, func(*reader) bool { return true })
	}
	for _, readers := range [][]*reader{s.well, s.readers} {
		if r := highest(readers, key, i.mayGoTo); r != nil {
			return r
		}
	}
	// It is too large for all: whoever gets it says so, and then it is lost by name. Or all who
	// could take it have it: then release strands it before anything is given.
	return highest(s.readers, key, func(*reader) bool { return true })
}

// highest is the reader that scores highest for a key: a reader that comes or goes moves no keys
// but its own.
func highest(readers []*reader, key string, takes func(*reader) bool) (best *reader) {
	if len(readers) == 1 && takes(readers[0]) {
		return readers[0]
	}
	keyed, most := hash(key), uint64(0)
	for _, r := range readers {
		if score := mix(keyed ^ r.hash); takes(r) && (best == nil || score > most) {
			best, most = r, score
		}
	}
	return best
}

// freest is the reader with most credit in which an event without a key fits; for an item, one that
// could take it.
func (s *Shelf) freest(bytes int, i *item) *reader {
	if i == nil {
		return freest(s.well, bytes, false)
	}
	for _, readers := range [][]*reader{s.well, s.readers} {
		var able []*reader
		for _, r := range readers {
			if i.mayGoTo(r) {
				able = append(able, r)
			}
		}
		if len(able) > 0 {
			return freest(able, bytes, true)
		}
	}
	return freest(s.readers, bytes, true) // as in pick
}

func freest(readers []*reader, bytes int, repeat bool) (best *reader) {
	for _, r := range readers {
		takes := r.fits(bytes) && (!repeat || r.mayRepeat())
		if takes && (best == nil || r.free() > best.free()) {
			best = r
		}
	}
	return best
}

// mayGoTo reports whether a reader could take an item that it does not have.
func (i *item) mayGoTo(r *reader) bool { return i.holdOf(r.name) == nil && r.limit() > i.small }

// anybodyElse reports whether some reader could take an item that it does not have.
func (s *Shelf) anybodyElse(i *item) bool { return slices.ContainsFunc(s.readers, i.mayGoTo) }

// settleOrder finds the order that holds now. Where it is another one, all lanes are laid anew.
func (s *Shelf) settleOrder() {
	if len(s.readers) == 0 {
		return
	}
	order := Unordered
	for _, r := range s.readers {
		order = max(order, r.terms.Ordered)
	}
	if order == s.order {
		return
	}
	s.order = order
	s.layAnew()
}

// layAnew sorts all events into lanes as the order has it.
func (s *Shelf) layAnew() {
	var fresh []Entry
	for _, l := range s.lanes {
		fresh = append(fresh, l.fresh.all()...)
		l.leave()
	}
	slices.SortFunc(fresh, func(a, b Entry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	var items []*item
	for _, i := range s.items {
		if !i.over {
			items = append(items, i)
		}
	}
	slices.SortFunc(items, inOrder)
	s.lanes, s.held = map[string]*lane{}, 0
	for _, i := range items {
		i.lane = s.laneOf(i.Key)
		i.lane.count[i.where]++
		if i.where == ready {
			i.lane.again = append(i.lane.again, i)
		}
		if i.where == aside && i.stuck {
			i.lane.stuck++
		}
	}
	for _, i := range items {
		s.place(i.lane)
	}
	for _, e := range fresh {
		s.shelve(e)
	}
	if s.order != Unordered {
		s.unpark(s.parked.len())
	}
}

// hash is FNV-1a, the same in each process.
func hash(text string) uint64 {
	sum := uint64(14695981039346656037)
	for i := range len(text) {
		sum = (sum ^ uint64(text[i])) * 1099511628211
	}
	return sum
}

// mix spreads the bits (the end of MurmurHash3).
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
