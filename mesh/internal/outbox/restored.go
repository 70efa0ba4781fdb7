package outbox

import "time"

// sureAfter is when a reader that handled an event remembers it also if it is killed: it saves what
// it remembers each second.
const sureAfter = int64(10 * time.Second)

// told is how far a reader has said that it handled what it takes from a shelf.
type told struct {
	sure    uint64 // it remembers that
	highest uint64 // so far
	pending uint64 // what was the highest at a time
	since   int64  // that time
}

// handled notes that the reader handled an event.
func (t *told) handled(sequence uint64, now int64) {
	t.settle(now)
	if t.pending == t.sure {
		t.pending, t.since = max(t.highest, sequence), now
	}
	t.highest = max(t.highest, sequence)
}

// settle notes what the reader remembers by now, as long as it lives.
func (t *told) settle(now int64) {
	if t.pending > t.sure && now-t.since >= sureAfter {
		t.sure = t.pending
		t.pending, t.since = t.highest, now
	}
}

// toldBy is what a reader has said of a shelf.
func (s *shelf) toldBy(reader string) *told {
	t := s.told[reader]
	if t == nil {
		t = &told{}
		s.told[reader] = t
	}
	return t
}

// sure is what the file has of what readers said.
func (s *shelf) sure() map[string]uint64 {
	all := map[string]uint64{}
	for name, t := range s.told {
		if s.library.here[name] != nil {
			t.settle(s.library.now())
		}
		if t.sure > 0 {
			all[name] = t.sure
		}
	}
	return all
}

// recall compares what a reader remembers with what it said. One that was restored from an older
// copy of its data gets again what still lies here, and so do the other instances of its service,
// which know most of it: who had handled what is not known here.
func (s *shelf) recall(r *reader, remembers uint64, now int64) {
	t := s.toldBy(r.name)
	if remembers >= t.sure {
		return
	}
	l := s.library
	l.outbox.config.Log.Warn("a reader was restored from an older copy of its data, and gets again what still lies in the outbox",
		"peer", r.name, "type", s.kind.Subject, "handled", t.sure, "last", remembers)
	*t = told{sure: remembers, highest: remembers, pending: remembers}
	after := min(remembers, s.Floor())
	s.Reopen(after, now)
	s.feed.reset()
	clear(s.loaded)
	s.bytes = 0
	s.saved.Store(min(s.saved.Load(), after))
	l.changed = true
}
