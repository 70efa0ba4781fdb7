package outbox

import (
	"sync/atomic"

	"leafmesh/mesh/internal/handout"
)

// maxLoaded bounds the bytes of the messages that a shelf has read and not given out yet. Those
// beyond are read again when they are given.
const maxLoaded = 4 << 20

// shelf hands out the events of one type that are kept for one service. It is the library's
// goroutine's own.
type shelf struct {
	*handout.Shelf
	library *library
	kind    Type
	service string
	came    bool // a reader has come, now or in former times
	tail    *tail
	feed    *feed
	loaded  map[uint64][]byte // messages by their sequence
	told    map[string]*told  // by reader
	bytes   int               // of loaded
	saved   atomic.Uint64     // the floor in the file; anybody's
	load    *load             // nil: without a bound of its own
	missed  uint64            // how many were missing and are told
	beyond  atomic.Uint64     // how many were lost by the bound
}

// newShelf makes the shelf of a type and a service, as the file has it, or a new one.
func (l *library) newShelf(t Type, service string, f *shelfFile, last uint64) *shelf {
	s := &shelf{library: l, kind: t, service: service, loaded: map[uint64][]byte{}, told: map[string]*told{}}
	s.tail = l.tails[t.Subject]
	s.feed = &feed{shelf: s, usual: unknownSize}
	if b, ok := t.Bounds[service]; ok {
		s.load = &load{Bound: b, service: service}
		l.loads[t.Subject] = append(l.loads[t.Subject], s.load)
	}
	c := handout.Config{Patience: l.outbox.config.tuning.patience}
	if f == nil {
		s.Shelf = handout.New(c)
		return s
	}
	s.came = f.Came
	for name, sure := range f.Sure {
		s.told[name] = &told{sure: sure, highest: sure, pending: sure}
	}
	if s.load != nil {
		s.load.restore(f.Waits)
	}
	end := lastNumber(last)
	if f.State.Floor > end {
		// Its sequences are used again for other events.
		l.outbox.config.Log.Warn("a service handled more than the outbox has: the machine crashed, or an older copy was restored",
			"type", t.Subject, "service", service, "handled", sequenceOf(f.State.Floor), "last", last)
	}
	if f.State.Known > end {
		f.State = handout.StateOf(min(f.State.Floor, end), min(f.State.Floor, end), nil)
	}
	s.Shelf = handout.Restore(c, f.State)
	return s
}

// takeIn takes what the feed has brought.
func (s *shelf) takeIn() {
	for _, e := range s.feed.take() {
		s.offer(e)
	}
}

func (s *shelf) offer(e fed) {
	if e.Sequence <= s.Position() {
		return
	}
	s.Offer(e.Entry)
	if s.bytes+e.Bytes > maxLoaded {
		s.prune()
	}
	if s.bytes+e.Bytes <= maxLoaded {
		s.loaded[e.Sequence] = e.message
		s.bytes += e.Bytes
	}
}

// give gives out what there is for the readers.
func (s *shelf) give(now int64) {
	for {
		for {
			gift, ok := s.Next(now)
			if !ok {
				break
			}
			r := s.library.here[gift.Reader]
			r.given = append(r.given, parcel{shelf: s, nonce: r.nonce, gift: gift, message: s.unload(gift.Sequence)})
		}
		if !s.read() {
			return
		}
	}
}

// read reads on, and reports whether there is more now. Where the tail does not reach back to what
// was read, the feed brings it later.
func (s *shelf) read() bool {
	wants := s.Wants()
	if wants <= 0 {
		return false
	}
	some, _, ok := s.tail.after(s.Position(), wants)
	if !ok {
		s.feed.want(wants)
		return false
	}
	s.feed.reset()
	for _, e := range some {
		s.offer(e)
	}
	return len(some) > 0
}

// unload is the message of an event, if it is loaded. It is not kept: an event that comes again is
// read again.
func (s *shelf) unload(sequence uint64) []byte {
	message, ok := s.loaded[sequence]
	if ok {
		delete(s.loaded, sequence)
		s.bytes -= len(message)
	}
	return message
}

// prune drops the messages of events that were settled without being given out.
func (s *shelf) prune() {
	for sequence := range s.loaded {
		if sequence <= s.Floor() {
			s.unload(sequence)
		}
	}
}
