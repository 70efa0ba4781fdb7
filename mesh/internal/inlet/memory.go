package inlet

import (
	"iter"
	"maps"
	"slices"
	"time"

	"leafmesh/mesh/internal/wire"
)

// settled is how an event was answered.
type settled struct {
	verdict wire.Verdict
	tries   uint64 // as its exporter said when it gave the event
	excused int
	after   time.Duration
	done    []string
	at      int64 // when, by the node's clock
}

// answersAgain reports whether an event that comes again has its answer already, which was not
// heard then: it was handled, or it failed and its exporter has not counted that.
func (s settled) answersAgain(t *taken) bool {
	return s.verdict == wire.Handled || s.verdict == wire.Again && s.tries == t.tries
}

// memory has how the last events were answered, by their sequence: at least memorySize, at most
// twice as many. The answers that an exporter may not have heard are no more than it may have under
// way here.
type memory struct {
	young, old map[uint64]settled
}

const memorySize = 2 * creditEvents

func (m *memory) of(sequence uint64) (s settled, known bool) {
	if s, known = m.young[sequence]; !known {
		s, known = m.old[sequence]
	}
	return s, known
}

func (m *memory) put(sequence uint64, s settled) {
	if m.young == nil {
		m.young, m.old = map[uint64]settled{}, map[uint64]settled{}
	}
	if len(m.young) >= memorySize {
		m.young, m.old = m.old, m.young
		clear(m.young)
	}
	delete(m.old, sequence)
	m.young[sequence] = s
}

func (m *memory) forget(sequence uint64) {
	delete(m.young, sequence)
	delete(m.old, sequence)
}

func (m *memory) forgetAfter(last uint64) {
	gone := func(sequence uint64, _ settled) bool { return sequence > last }
	maps.DeleteFunc(m.young, gone)
	maps.DeleteFunc(m.old, gone)
}

func (m *memory) clear() {
	clear(m.young)
	clear(m.old)
}

func (m *memory) all() iter.Seq2[uint64, settled] {
	return func(yield func(uint64, settled) bool) {
		for _, part := range []map[uint64]settled{m.old, m.young} {
			for sequence, s := range part {
				if !yield(sequence, s) {
					return
				}
			}
		}
	}
}

// union is the names of both, each once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
