package clue

import (
	"errors"
	"sync"
	"testing"

	"leafmesh/services/huntfile"
)

func TestTakeHint(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a", "c")
	for _, want := range []GivenHint{{1, "it shines", 2, 1}, {2, "at sea", 3, 0}} {
		if got, err := r.TakeHint(r.Ctx, "owls", "a"); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	r.answer("owls", "c", "🦉", noon)
	for _, test := range []struct {
		team, clue string
		want       error
	}{{"owls", "a", ErrNoHint}, {"owls", "b", ErrNotOpen}, {"owls", "z", ErrNotOpen}, {"owls", "c", ErrSolved}, {"foxes", "a", ErrNotOpen}} {
		if _, err := r.TakeHint(r.Ctx, test.team, test.clue); !errors.Is(err, test.want) {
			t.Errorf("%s, %s: %v, want %v", test.team, test.clue, err, test.want)
		}
	}
	for _, bad := range [][2]string{{"", "a"}, {"owls", ""}} {
		if _, err := r.TakeHint(r.Ctx, bad[0], bad[1]); !errors.As(err, new(*InputError)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	taken := events[HintTaken](r)
	for i := range taken {
		taken[i].At = 0
	}
	equal(t, "announced", taken, []HintTaken{{"owls", "a", 1, 2, 0}, {"owls", "a", 2, 3, 0}})
	if v := r.Clues("owls", noon)[0]; len(v.Hints) != 2 || v.HintsLeft != 0 || v.NextCost != nil {
		t.Errorf("view %+v", v)
	}
}

// TestHintsAtOnce: each of several requests at the same time gets a hint of its own, or none.
func TestHintsAtOnce(t *testing.T) {
	r := start(t, t.TempDir(), sample(huntfile.Limits{}))
	r.open("owls", "a")
	var all sync.WaitGroup
	numbers := make(chan int, 8)
	for range cap(numbers) {
		all.Go(func() {
			hint, err := r.TakeHint(r.Ctx, "owls", "a")
			if err != nil && !errors.Is(err, ErrNoHint) {
				t.Error(err)
			}
			numbers <- hint.Number
		})
	}
	all.Wait()
	close(numbers)
	got := map[int]int{}
	for n := range numbers {
		got[n]++
	}
	if got[0] != 6 || got[1] != 1 || got[2] != 1 {
		t.Errorf("hints given: %v", got)
	}
}
