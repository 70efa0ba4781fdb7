package huntfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh/config"

	"pgregory.net/rapid"
)

// TestReachAgainstSearch compares the check with a dumb search that tries every order of solving.
func TestReachAgainstSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := randomHunt(t)
		want := reachable(h)
		err := h.Validate()
		if (err == nil) != (len(want) == len(h.Clues)) {
			t.Fatalf("reachable %v of %+v, but Validate() = %v", want, h.Clues, err)
		}
		for _, problem := range config.FieldErrors(err) { // What is reported must be unreachable indeed.
			var i int
			if _, err := fmt.Sscanf(problem.Field, "clues[%d]", &i); err != nil || slices.Contains(want, h.Clues[i].ID) {
				t.Fatalf("%v reported, but reachable are %v", problem, want)
			}
			if !strings.Contains(problem.Problem, "nobody can reach") {
				t.Fatalf("unexpected problem %v", problem)
			}
		}
	})
}

func randomHunt(t *rapid.T) *Hunt {
	n := rapid.IntRange(1, 6).Draw(t, "clues")
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("c%d", i)
	}
	h := &Hunt{ID: "random", Title: "Random"}
	for i, id := range ids {
		rule := Rule{Start: rapid.Bool().Draw(t, "start")}
		if !rule.Start {
			rule.Solves = rapid.IntRange(0, n).Draw(t, "solves")
			others := slices.Concat(ids[:i], ids[i+1:])
			if len(others) > 0 {
				rule.After = rapid.SliceOfNDistinct(rapid.SampledFrom(others), 0, 2, rapid.ID[string]).Draw(t, "after")
			}
			if rule.Solves == 0 && len(rule.After) == 0 {
				rule.Solves = 1
			}
		}
		h.Clues = append(h.Clues, Clue{ID: id, Title: id, Answers: []string{id}, Unlock: rule})
	}
	return h
}

// reachable returns the ids that appear in some order of solving, trying all orders.
func reachable(h *Hunt) []string {
	found := make(map[string]bool)
	seen := make(map[string]bool)
	var play func(solved []string)
	play = func(solved []string) {
		slices.Sort(solved)
		if key := strings.Join(solved, ","); seen[key] {
			return
		} else {
			seen[key] = true
		}
		for _, clue := range h.Clues {
			after := 0
			for _, id := range clue.Unlock.After {
				if slices.Contains(solved, id) {
					after++
				}
			}
			open := clue.Unlock.Start || after == len(clue.Unlock.After) && len(solved) >= clue.Unlock.Solves
			if open && !slices.Contains(solved, clue.ID) {
				found[clue.ID] = true
				play(append(slices.Clone(solved), clue.ID))
			}
		}
	}
	play(nil)
	var ids []string
	for id := range found {
		ids = append(ids, id)
	}
	return ids
}
