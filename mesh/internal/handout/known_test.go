package handout

import "testing"

// A state that is made of what is not settled gives exactly that out again.
func TestStateOf(t *testing.T) {
	for _, test := range []struct {
		floor, known uint64
		unsettled    []uint64
	}{
		{0, 0, nil},
		{4, 4, nil},
		{4, 9, []uint64{5, 6, 9}},
		{4, 9, []uint64{7}},
		{4, 9, nil},
		{0, 3, []uint64{1, 2, 3}},
	} {
		state := StateOf(test.floor, test.known, test.unsettled)
		if got := state.Unsettled(); got != uint64(len(test.unsettled)) {
			t.Errorf("%v: %d are not settled", test, got)
		}
		s := Restore(Config{}, state)
		s.Join("r", Terms{Events: 100, Bytes: 1000}, 0)
		for n := s.Position() + 1; n <= test.known+2; n++ {
			s.Offer(Entry{Sequence: n})
		}
		want := append(test.unsettled[:len(test.unsettled):len(test.unsettled)], test.known+1, test.known+2)
		if got := s.Unsettled(); got != uint64(len(want)) {
			t.Errorf("%v: the shelf has %d", test, got)
		}
		for _, n := range want {
			if g, ok := s.Next(1); !ok || g.Sequence != n {
				t.Errorf("%v: got %d, %v, want %d", test, g.Sequence, ok, n)
			}
		}
		if g, ok := s.Next(1); ok {
			t.Errorf("%v: got %d too", test, g.Sequence)
		}
	}
}
