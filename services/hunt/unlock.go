package hunt

import (
	"slices"

	"leafmesh/services/huntfile"
)

// rules say what a team's solves open. They are pure: what is open follows from the set of solved
// clues alone, not from their order, and a further solve never closes a clue.
type rules struct{ hunt *huntfile.Hunt }

// solves is a set of clue ids.
type solves interface {
	has(clue string) bool
	count() int
}

// open returns the ids of all clues open to a team, in the order of the hunt.
func (r rules) open(s solves) []string {
	open := make([]string, 0, len(r.hunt.Clues))
	for _, clue := range r.hunt.Clues {
		if isOpen(clue, s) {
			open = append(open, clue.ID)
		}
	}
	return open
}

// opened returns the ids of the clues that are open now and were not before, in the order of the
// hunt.
func (r rules) opened(before, now solves) (opened []string) {
	for _, clue := range r.hunt.Clues {
		if isOpen(clue, now) && !isOpen(clue, before) {
			opened = append(opened, clue.ID)
		}
	}
	return opened
}

// finished reports whether a team has met the hunt's rule for the finish.
func (r rules) finished(s solves) bool {
	switch rule := r.hunt.Finish; {
	case rule.Solves > 0:
		return s.count() >= rule.Solves
	case len(rule.Clues) > 0:
		return all(rule.Clues, s)
	}
	return s.count() >= len(r.hunt.Clues)
}

func isOpen(clue huntfile.Clue, s solves) bool { return opens(clue.Unlock, s) || s.has(clue.ID) }

func opens(rule huntfile.Rule, s solves) bool {
	return rule.Start || s.count() >= rule.Solves && all(rule.After, s)
}

func all(ids []string, s solves) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !s.has(id) })
}
