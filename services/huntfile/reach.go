package huntfile

import (
	"fmt"
	"slices"
	"strings"
)

// reach plays the hunt as a team that solves whatever is open to it, and reports the clues that
// never open. Rules are monotone (a solve never closes a clue), so this one play visits every clue
// that any team could.
//
// With all clues reachable the finish is too: its rule asks for some of them.
func (c *checker) reach() {
	solved := make(map[string]bool, len(c.hunt.Clues))
	for progress := true; progress; {
		progress = false
		for _, clue := range c.hunt.Clues {
			if !solved[clue.ID] && opens(clue.Unlock, solved) {
				solved[clue.ID], progress = true, true
			}
		}
	}
	reported := make(map[string]bool) // clues of cycles that were reported
	for i, clue := range c.hunt.Clues {
		if !solved[clue.ID] {
			c.unreachable(fmt.Sprintf("clues[%d].unlock", i), clue, solved, reported)
		}
	}
}

// opens reports whether a team with these solves has the clue open.
func opens(rule Rule, solved map[string]bool) bool {
	if rule.Start {
		return true
	}
	missing := func(id string) bool { return !solved[id] }
	return len(solved) >= rule.Solves && !slices.ContainsFunc(rule.After, missing)
}

// unreachable says why the clue never opens. One that merely waits for another that never opens is
// not reported: the other is.
func (c *checker) unreachable(field string, clue Clue, solved, reported map[string]bool) {
	if clue.Unlock.Solves > len(solved) {
		c.add(field+".solves", fmt.Sprintf("nobody can reach this clue: it waits for %d solves, and at most %d are possible without it",
			clue.Unlock.Solves, len(solved)), "ask for fewer solves, or open other clues earlier")
		return
	}
	cycle := c.cycle(clue, solved)
	if cycle == nil || reported[clue.ID] {
		return
	}
	for _, id := range cycle {
		reported[id] = true
	}
	c.add(field+".after", "nobody can reach this clue: it waits for itself ("+strings.Join(cycle, " → ")+")",
		"remove one of these conditions")
}

// cycle follows the conditions of clue through clues that never open, and returns the way back to
// it, or nil when there is none.
func (c *checker) cycle(clue Clue, solved map[string]bool) []string {
	visited := make(map[string]bool)
	var walk func(from Clue, path []string) []string
	walk = func(from Clue, path []string) []string {
		for _, id := range from.Unlock.After {
			if id == clue.ID {
				return append(path, id)
			}
			if solved[id] || visited[id] {
				continue
			}
			visited[id] = true
			if found := walk(c.hunt.Clues[c.index[id]], append(path, id)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk(clue, []string{clue.ID})
}
