package handout

import (
	"math"
	"time"
)

const (
	defaultPatience      = 30 * time.Second
	defaultMaxAside      = 4096
	defaultMaxAsideBytes = 64 << 20
	// apart is how many events a shelf holds compactly for each that may wait aside: those behind a
	// key that stops, and those that wait for one of several handlers. An outbox of the default
	// size has four times as many.
	apart = 64
	// ahead is how many events a shelf in strict order holds ready.
	ahead = 64
	// windows is how many times the credit of all readers a shelf looks ahead beyond keys that have
	// as much under way as they may; slow is after how long without an answer it looks beyond a key
	// as far as it can.
	windows = 4
	slow    = time.Second
)

// Config says what bounds a shelf. The zero value has the defaults.
type Config struct {
	// Patience is how long a reader may hold an event without progress while another reader of the
	// service could take it. Default 30 s.
	Patience time.Duration
	// MaxAside and MaxAsideBytes bound what waits apart. Where one is reached, keys of which
	// something waits apart get nothing new; at twice the bound nobody does. What is under way then
	// may come on top. Default 4096 events and 64 MiB.
	MaxAside, MaxAsideBytes int
}

func (c Config) withDefaults() Config {
	if c.Patience <= 0 {
		c.Patience = defaultPatience
	}
	if c.MaxAside <= 0 {
		c.MaxAside = defaultMaxAside
	}
	if c.MaxAsideBytes <= 0 {
		c.MaxAsideBytes = defaultMaxAsideBytes
	}
	return c
}

// Entry is an event in the stream.
type Entry struct {
	Sequence uint64
	Key      string
	Bytes    int
}

// Shelf hands out the events of one type that are kept for one service. It is not safe for
// concurrent use. [New] and [Restore] make one.
type Shelf struct {
	config Config
	now    int64 // the latest time there was
	begun  bool  // some time was told

	readers    []*reader // by name
	well       []*reader // those to choose from
	generation uint64    // of well
	order      Order     // the strictest that a reader asks for
	turn       int       // whose turn it is in Next

	lanes map[string]*lane
	// A lane with something to give is in the ring of its reader, or in one of these.
	common  ring // no key: for whoever has most credit
	busy    ring // behind what is under way, by the time of the last answer
	stopped ring // behind what waits apart, hangs or is slow, or by a bound
	idle    ring // nobody is there

	items  map[uint64]*item // given once and not forgotten
	count  [places]int      // items, by their place
	aside  dues             // those that wait for their time
	parked fifo[parked]     // those that wait for room aside
	level  int              // how full it is aside: 0, 1 at the bound, 2 at twice the bound
	same   []string         // the handlers that were done last, to have them once

	unsettled  unsettled
	position   uint64
	known      uint64            // up to here unsettled knew before Restore
	remembered map[uint64]memory // restored, and not read again yet

	held        int // entries in lanes, never given
	asideBytes  int
	redelivered uint64
	oversize    uint64
	missing     uint64
	over        Sum // what was settled

	spare spare
}

// New makes an empty shelf, for a stream that is read from its beginning.
func New(c Config) *Shelf {
	return &Shelf{config: c.withDefaults(), now: math.MinInt64, lanes: map[string]*lane{}, items: map[uint64]*item{},
		unsettled: newUnsettled()}
}

// Offer takes the stream's next event of the type. One at or before Position is ignored.
func (s *Shelf) Offer(e Entry) {
	if e.Sequence <= s.position {
		return
	}
	from := s.position
	s.position = e.Sequence
	if from < s.known {
		s.reread(from, e)
		return
	}
	s.unsettled.add(e.Sequence)
	s.shelve(e)
}

// shelve puts an event that was never given behind those of its key.
func (s *Shelf) shelve(e Entry) {
	l := s.laneOf(e.Key)
	l.fresh.push(e)
	s.held++
	if l.ring != nil {
		l.ring.fresh++
	}
	s.place(l)
}

// Wants is how many more events the caller should read and offer now, 0 for none. It looks beyond
// keys that stop for those that go on, as far as its bounds let it. The caller need not keep what
// it has read: most is given at once, the rest it reads again when [Shelf.Next] gives it.
func (s *Shelf) Wants() int {
	if len(s.readers) == 0 || s.level > 1 {
		return 0
	}
	room := apart*s.config.MaxAside - s.held
	if s.order == Strict {
		return max(0, min(room, ahead-s.held))
	}
	wants := 0
	for _, r := range s.well {
		wants += max(0, r.free()-s.ready(&r.ring))
	}
	return max(0, min(room, s.window()-s.busy.fresh, wants-s.ready(&s.common)))
}

// window is how many events may wait behind what is under way before no more are read.
func (s *Shelf) window() (events int) {
	for _, r := range s.well {
		events += windows * r.terms.Events
	}
	return events
}

// ready is how many events of a ring could be under way at once.
func (s *Shelf) ready(r *ring) int {
	if s.order == Unordered {
		return r.fresh
	}
	return r.lanes
}

// Position is the highest sequence that was offered or restored. The caller reads on behind it.
func (s *Shelf) Position() uint64 { return s.position }

// Floor is the sequence up to which all events are settled: the stream needs to keep none of them
// for this service.
func (s *Shelf) Floor() uint64 {
	if lowest, ok := s.unsettled.lowest(); ok {
		return lowest - 1
	}
	return max(s.position, s.known)
}

// Missing says that the stream has an event no more. It counts as settled; whoever has it under way
// is not believed about it.
func (s *Shelf) Missing(sequence uint64) {
	if !s.unsettled.has(sequence) {
		return
	}
	s.missing++
	s.over.Events++
	s.unsettled.remove(sequence)
	if i := s.items[sequence]; i != nil {
		s.over.Bytes += uint64(i.Bytes)
		for h := i.holds; h != nil; h = i.holds {
			s.drop(h, h.since)
		}
		s.retire(i)
		return
	}
	delete(s.remembered, sequence)
	s.parked.remove(func(p parked) bool { return p.Sequence == sequence })
	for _, l := range s.lanes {
		if l.fresh.remove(func(e Entry) bool { return e.Sequence == sequence }) {
			s.held--
			if l.ring != nil {
				l.ring.fresh--
			}
			s.place(l)
			return
		}
	}
}

// tick takes the time, which does not go back.
func (s *Shelf) tick(now int64) {
	if !s.begun {
		s.begun = true
		for _, i := range s.aside { // restored: their time was what was left of it
			i.due += now
		}
	}
	s.now = max(s.now, now)
}
