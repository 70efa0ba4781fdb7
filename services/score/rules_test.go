package score

import (
	"slices"
	"testing"
)

func TestCompareOrdersTheLeaderboard(t *testing.T) {
	// Each comes before all that follow it.
	ordered := []Standing{
		{Team: "z", Points: 10, Solves: 1, LastSolve: 900},
		{Team: "y", Points: 9, Solves: 3, LastSolve: 100},
		{Team: "A", Points: 9, Solves: 1, LastSolve: 200},
		{Team: "a", Points: 9, Solves: 2, LastSolve: 200},
		{Team: "b", Points: 9, Solves: 9, LastSolve: 200, Finished: true},
		{Team: "q", Points: 0, Solves: 1, LastSolve: 1 << 50},
		{Team: "c", Points: 0},
		{Team: "é", Points: 0, Finished: true},
		{Team: "a", Points: -1, LastSolve: 1},
		{Team: "a", Points: -1},
	}
	for i, a := range ordered {
		if compare(a, a) != 0 {
			t.Errorf("%+v is not equal to itself", a)
		}
		for _, b := range ordered[i+1:] {
			if compare(a, b) >= 0 || compare(b, a) <= 0 {
				t.Errorf("%+v does not come before %+v: %d, %d", a, b, compare(a, b), compare(b, a))
			}
		}
	}
}

func TestChangesHoldEveryPlaceThatDiffers(t *testing.T) {
	before := map[string]place{}
	step := func(want []string, standings ...Standing) {
		t.Helper()
		var got []string
		for _, p := range changes(before, rank(standings)) {
			got = append(got, p.Team)
			before[p.Team] = p
		}
		if !slices.Equal(got, want) {
			t.Errorf("changes of %q, want %q", got, want)
		}
	}
	a, b, c := Standing{Team: "a", Points: 3}, Standing{Team: "b", Points: 2}, Standing{Team: "c", Points: 1}
	step([]string{"a", "b", "c"}, a, b, c)
	step(nil, c, b, a)
	c.Finished = true
	step([]string{"c"}, a, b, c)
	c.Points = 9
	step([]string{"c", "a", "b"}, a, b, c) // the others fall by a rank
	step([]string{"d"}, a, b, c, Standing{Team: "d"})
}
