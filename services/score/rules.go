package score

import (
	"cmp"
	"slices"
)

// Standing is how a team stands, without its rank.
type Standing struct {
	Team      string
	Points    int
	Solves    int
	LastSolve int64 // unix ms of the latest solve; 0: none
	Finished  bool
}

// award is something that counts: points for a solve, or the cost of a hint.
type award struct {
	Team   string
	Clue   string
	Hint   int // 0: a solve; otherwise the number of the hint
	Points int // negative for a hint
	At     int64
	Event  string // the id of the event that told of it
}

// compare orders standings for the leaderboard: more points first, then the earlier last solve,
// then the name, byte by byte. A team that has solved nothing comes after those with as many points
// that have. No two teams are equal.
func compare(a, b Standing) int {
	return cmp.Or(
		cmp.Compare(b.Points, a.Points),
		compareLastSolves(a.LastSolve, b.LastSolve),
		cmp.Compare(a.Team, b.Team),
	)
}

func compareLastSolves(a, b int64) int {
	if a == 0 || b == 0 {
		return cmp.Compare(b, a) // 0 goes last
	}
	return cmp.Compare(a, b)
}

// place is a standing with its rank.
type place struct {
	Rank int // from 1
	Standing
}

// rank puts standings in order. As no two are equal, ranks are the numbers from 1, each once.
func rank(standings []Standing) []place {
	slices.SortFunc(standings, compare)
	places := make([]place, len(standings))
	for i, s := range standings {
		places[i] = place{Rank: i + 1, Standing: s}
	}
	return places
}

// changes are the places in now that are new or differ from those before, in the order of now.
func changes(before map[string]place, now []place) []place {
	var changed []place
	for _, p := range now {
		if before[p.Team] != p {
			changed = append(changed, p)
		}
	}
	return changed
}
