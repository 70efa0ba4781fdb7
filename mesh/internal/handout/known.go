package handout

import "encoding/binary"

// StateOf makes the state of a shelf of which is known only what is not settled: those sequences,
// in order, after floor, up to known.
func StateOf(floor, known uint64, unsettled []uint64) State {
	state := State{Floor: floor, Position: floor, Known: known}
	next, run := floor+1, uint64(0) // run: not settled, just before next
	for _, sequence := range unsettled {
		if sequence > next {
			state.Settled = binary.AppendUvarint(binary.AppendUvarint(state.Settled, run), sequence-next)
			run = 0
		}
		run++
		next = sequence + 1
	}
	state.Settled = binary.AppendUvarint(binary.AppendUvarint(state.Settled, run), known+1-next)
	return state
}

// Unsettled is how many events up to Known are not settled.
func (s State) Unsettled() (sum uint64) {
	for text := s.Settled; len(text) > 0; {
		unsettled, n := binary.Uvarint(text)
		if n <= 0 {
			break
		}
		_, m := binary.Uvarint(text[n:])
		if m <= 0 {
			break
		}
		sum, text = sum+unsettled, text[n+m:]
	}
	return sum
}

// Known is up to where the shelf knows which events there are: Position, or more where a restored
// shelf reads again.
func (s *Shelf) Known() uint64 { return max(s.position, s.known) }

// Unsettled is how many events up to Known are not settled.
func (s *Shelf) Unsettled() (sum uint64) {
	for b := s.unsettled.first; b != nil; b = b.next {
		sum += uint64(b.count)
	}
	return sum
}
