package handout

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"
)

// maxUnsettled bounds how many events a state may tell of that are not settled, so that a wrong one
// takes no memory for more.
const maxUnsettled = 1 << 24

// State is what outlives the process. It has no keys but those in Waiting: what else is not settled
// is read again.
type State struct {
	_ struct{} `cbor:",toarray"`
	// Floor is the shelf's.
	Floor uint64
	// Position is where the caller reads on behind. Known is up to where Settled tells.
	Position, Known uint64
	// Settled says how many sequences after Floor are not settled, how many then are, and so on in
	// turn, as unsigned varints, up to Known.
	Settled []byte
	// Waiting are the events that were given, in order.
	Waiting []Waiting
	// Parked are further ones of which something is to be remembered.
	Parked []Parked
}

// Waiting is an event that was given and is not settled.
type Waiting struct {
	_        struct{} `cbor:",toarray"`
	Sequence uint64
	Key      string
	Bytes    int
	Tries    int
	Due      time.Duration // until it comes again; 0 for one that was under way
	Done     []string
}

// Parked is what is to be remembered of some events.
type Parked struct {
	_     struct{} `cbor:",toarray"`
	Tries int
	Done  []string
	// Sequences has the first sequence, and then how much each is higher than the one before, as
	// unsigned varints.
	Sequences []byte
}

// State gives what is to be kept. It shares nothing that changes with the shelf.
func (s *Shelf) State() State {
	state := State{Floor: s.Floor(), Known: max(s.position, s.known)}
	state.Position = state.Known
	expected, run := state.Floor+1, uint64(0) // run: not settled, just before expected
	for sequence := range s.unsettled.all {
		if i := s.items[sequence]; i != nil {
			state.Waiting = append(state.Waiting, Waiting{Sequence: sequence, Key: i.Key, Bytes: i.Bytes, Tries: i.tries, Due: s.left(i), Done: i.done})
		} else {
			state.Position = min(state.Position, sequence-1)
		}
		if sequence > expected {
			state.Settled = binary.AppendUvarint(binary.AppendUvarint(state.Settled, run), sequence-expected)
			run = 0
		}
		run++
		expected = sequence + 1
	}
	if state.Known > state.Floor {
		state.Settled = binary.AppendUvarint(binary.AppendUvarint(state.Settled, run), state.Known+1-expected)
	}
	state.Parked = s.memories()
	return state
}

// left is how long it takes until an item may be given.
func (s *Shelf) left(i *item) time.Duration {
	switch {
	case !s.begun:
		return time.Duration(max(0, i.due)) // as it was restored
	case i.due <= s.now:
		return 0
	}
	return time.Duration(i.due - s.now)
}

// memories groups what is parked, or was when the shelf was restored, by what is remembered of it.
func (s *Shelf) memories() (groups []Parked) {
	all := make(map[uint64]memory, s.parked.len()+len(s.remembered))
	maps.Copy(all, s.remembered)
	for _, p := range s.parked.all() {
		all[p.Sequence] = p.memory
	}
	type group struct {
		at   int    // in groups
		last uint64 // sequence
	}
	known := map[string]group{}
	var before memory
	name := ""
	for _, sequence := range slices.Sorted(maps.Keys(all)) {
		m := all[sequence]
		if name == "" || m.tries != before.tries || !slices.Equal(m.done, before.done) {
			name, before = fmt.Sprintf("%d %q", m.tries, m.done), m
		}
		g, ok := known[name]
		if !ok {
			g.at = len(groups)
			groups = append(groups, Parked{Tries: m.tries, Done: m.done})
		}
		groups[g.at].Sequences = binary.AppendUvarint(groups[g.at].Sequences, sequence-g.last)
		g.last = sequence
		known[name] = g
	}
	return groups
}

// Restore makes the shelf of which State is. What was under way is to be given again, and is not
// counted as a try; times go on from the first time that the shelf is told. Of a state that
// contradicts itself it takes what it can: events may then come twice, and none is lost.
func Restore(c Config, state State) *Shelf {
	s := New(c)
	s.position, s.known = state.Position, state.Known
	if s.position < state.Floor || s.known < s.position || !s.restoreSettled(state) {
		s.unsettled = newUnsettled()
		s.position, s.known = state.Floor, state.Floor
	}
	for _, w := range state.Waiting {
		s.restoreWaiting(w)
	}
	for sequence, ok := s.unsettled.from(0); ok && sequence <= s.position; sequence, ok = s.unsettled.from(sequence + 1) {
		if s.items[sequence] == nil {
			s.position = sequence - 1 // a state contradicts itself that leaves it out
		}
	}
	for _, p := range state.Parked {
		s.restoreParked(p)
	}
	for _, l := range s.lanes {
		s.place(l)
	}
	return s
}

// restoreSettled brings back what is not settled. It reports whether that made sense.
func (s *Shelf) restoreSettled(state State) bool {
	sequence, sum := state.Floor, uint64(0)
	for text := state.Settled; len(text) > 0; {
		var runs [2]uint64
		for i := range runs {
			value, n := binary.Uvarint(text)
			if n <= 0 || value > state.Known-sequence {
				return false
			}
			runs[i], text = value, text[n:]
			sequence += value
		}
		if sum += runs[0]; sum > maxUnsettled {
			return false
		}
		for i := range runs[0] {
			s.unsettled.add(sequence - runs[1] - runs[0] + 1 + i)
		}
	}
	return sequence == state.Known
}

func (s *Shelf) restoreParked(p Parked) {
	sequence := uint64(0)
	for text := p.Sequences; len(text) > 0; {
		value, n := binary.Uvarint(text)
		if n <= 0 {
			return
		}
		text = text[n:]
		if sequence += value; s.unsettled.has(sequence) && sequence > s.position && s.items[sequence] == nil {
			s.remember(sequence, memory{max(0, p.Tries), p.Done})
		}
	}
}

// remember keeps what is to be kept of an event until it is read again.
func (s *Shelf) remember(sequence uint64, m memory) {
	if s.remembered == nil {
		s.remembered = map[uint64]memory{}
	}
	s.remembered[sequence] = m
}

// restoreWaiting brings back an event that was given. One that is not known to be unsettled is read
// again; then its tries are forgotten.
func (s *Shelf) restoreWaiting(w Waiting) {
	if !s.unsettled.has(w.Sequence) || s.items[w.Sequence] != nil {
		return
	}
	i := s.resume(Entry{Sequence: w.Sequence, Key: w.Key, Bytes: max(0, w.Bytes)}, memory{max(0, w.Tries), slices.Clone(w.Done)})
	if w.Due > 0 {
		i.due = int64(min(w.Due, maxAfter))
		s.put(i, aside)
	}
}

// reread takes an event that was read before the shelf was restored, or the first after those. What
// is not settled between the two positions and does not come is missing.
func (s *Shelf) reread(from uint64, e Entry) {
	for sequence, ok := s.unsettled.from(from + 1); ok && sequence < e.Sequence; sequence, ok = s.unsettled.from(sequence + 1) {
		if i := s.items[sequence]; i != nil {
			s.place(i.lane) // that it is missing is found when it is given
			continue
		}
		s.missing++
		s.over.Events++
		s.unsettled.remove(sequence)
		delete(s.remembered, sequence)
	}
	if e.Sequence > s.known {
		s.unsettled.add(e.Sequence)
	}
	if !s.unsettled.has(e.Sequence) {
		return
	}
	if i := s.items[e.Sequence]; i != nil {
		s.place(i.lane)
		return
	}
	m, known := s.remembered[e.Sequence]
	switch {
	case !known:
		s.shelve(e)
	case s.order == Unordered:
		s.parked.push(parked{e, m})
	default:
		s.resume(e, m)
	}
	delete(s.remembered, e.Sequence)
}
