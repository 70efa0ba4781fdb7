package handout

import (
	"encoding/binary"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// A state with other sequences is of the same shelf: the same events are settled, wait and are
// remembered.
func TestRenumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		floor := rapid.Uint64Range(0, 50).Draw(t, "floor")
		var unsettled []uint64
		known := floor
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			known += rapid.Uint64Range(1, 4).Draw(t, "step")
			if rapid.Bool().Draw(t, "unsettled") {
				unsettled = append(unsettled, known)
			}
		}
		state := StateOf(floor, known, unsettled)
		var last uint64
		p := Parked{Tries: 2, Done: []string{"a"}}
		for _, n := range unsettled {
			switch rapid.IntRange(0, 2).Draw(t, "is") {
			case 0:
				state.Waiting = append(state.Waiting, Waiting{Sequence: n, Key: "k", Tries: 1})
			case 1:
				p.Sequences, last = binary.AppendUvarint(p.Sequences, n-last), n
			}
		}
		if last > 0 {
			state.Parked = []Parked{p}
		}
		if known == floor {
			state.Settled = nil
		}
		to := func(n uint64) uint64 { return n<<8 | 255 }
		next := state.Renumber(to)
		if next.Floor != to(state.Floor) || next.Known != to(state.Known) || next.Unsettled() != uint64(len(unsettled)) {
			t.Fatalf("%+v of %+v", next, state)
		}
		for i, w := range next.Waiting {
			if w.Sequence != to(state.Waiting[i].Sequence) || w.Tries != 1 {
				t.Errorf("%+v of %+v", w, state.Waiting[i])
			}
		}
		back := next.Renumber(func(n uint64) uint64 { return n >> 8 })
		if got, want := Restore(Config{}, back).State(), Restore(Config{}, state).State(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
		shelf := Restore(Config{}, next)
		for _, n := range unsettled {
			if !shelf.unsettled.has(to(n)) {
				t.Errorf("%d is settled", n)
			}
		}
	})
}

// Of a state that makes no sense only the floor is taken.
func TestRenumberNonsense(t *testing.T) {
	for _, settled := range [][]byte{{0x80}, {5, 200}, {1}, {3, 3}} {
		state := State{Floor: 10, Position: 10, Known: 15, Settled: settled, Waiting: []Waiting{{Sequence: 12}}}
		if got := state.Renumber(func(n uint64) uint64 { return 2 * n }); got.Floor != 20 || got.Known != 20 || len(got.Waiting) > 0 {
			t.Errorf("%v: %+v", settled, got)
		}
	}
}
