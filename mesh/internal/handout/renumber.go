package handout

import (
	"encoding/binary"
	"slices"
)

// Renumber gives each event of a state another sequence, in the same order. What of the state
// contradicts itself is left out: those events may come twice, and none is lost.
func (s State) Renumber(to func(uint64) uint64) State {
	unsettled, ok := s.unsettled()
	if !ok {
		return StateOf(to(s.Floor), to(s.Floor), nil)
	}
	for i, sequence := range unsettled {
		unsettled[i] = to(sequence)
	}
	next := StateOf(to(s.Floor), to(s.Known), unsettled)
	next.Position = to(s.Position)
	next.Waiting = slices.Clone(s.Waiting)
	for i := range next.Waiting {
		next.Waiting[i].Sequence = to(next.Waiting[i].Sequence)
	}
	for _, p := range s.Parked {
		p.Sequences = renumberSteps(p.Sequences, to)
		next.Parked = append(next.Parked, p)
	}
	return next
}

// unsettled lists the sequences that are not settled. It is not ok if that makes no sense.
func (s State) unsettled() (all []uint64, ok bool) {
	sequence := s.Floor
	for text := s.Settled; len(text) > 0; {
		var runs [2]uint64
		for i := range runs {
			value, n := binary.Uvarint(text)
			if n <= 0 || sequence > s.Known || value > s.Known-sequence {
				return nil, false
			}
			runs[i], text = value, text[n:]
			if i == 0 {
				if uint64(len(all))+value > maxUnsettled {
					return nil, false
				}
				for j := range value {
					all = append(all, sequence+1+j)
				}
			}
			sequence += value
		}
	}
	return all, sequence == s.Known
}

// renumberSteps is for what Parked has in Sequences.
func renumberSteps(steps []byte, to func(uint64) uint64) (next []byte) {
	var sequence, last uint64
	for len(steps) > 0 {
		value, n := binary.Uvarint(steps)
		if n <= 0 {
			return next
		}
		steps, sequence = steps[n:], sequence+value
		next = binary.AppendUvarint(next, to(sequence)-last)
		last = to(sequence)
	}
	return next
}
