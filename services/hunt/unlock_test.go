package hunt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/services/huntfile"

	"pgregory.net/rapid"
)

// sample is a hunt of five clues: a and b are open from the start, c follows a, d two solves, e
// both c and three solves.
func sample() *huntfile.Hunt {
	clue := func(id string, rule huntfile.Rule) huntfile.Clue {
		return huntfile.Clue{ID: id, Title: strings.ToUpper(id), Text: "secret text", Points: 1, Answers: []string{"secret answer " + id}, Unlock: rule}
	}
	return &huntfile.Hunt{ID: "sample", Title: "Sample", Text: "welcome", Clues: []huntfile.Clue{
		clue("a", huntfile.Rule{Start: true}),
		clue("b", huntfile.Rule{Start: true}),
		clue("c", huntfile.Rule{After: []string{"a"}}),
		clue("d", huntfile.Rule{Solves: 2}),
		clue("e", huntfile.Rule{After: []string{"c"}, Solves: 3}),
	}}
}

func set(ids string) solveSet {
	s := solveSet{}
	for _, id := range strings.Fields(ids) {
		s[id] = 1
	}
	return s
}

func TestOpen(t *testing.T) {
	for _, test := range []struct{ solved, open string }{
		{"", "a b"},
		{"a", "a b c"},
		{"b", "a b"},
		{"a b", "a b c d"},
		{"a c", "a b c d"},
		{"a b d", "a b c d"},
		{"a b c", "a b c d e"},
		{"a c d", "a b c d e"},
		{"e", "a b e"}, // solved before its rule opened it, as after a lost event: stays open
		{"a b c d e", "a b c d e"},
	} {
		if got := strings.Join(rules{sample()}.open(set(test.solved)), " "); got != test.open {
			t.Errorf("solved %q opens %q, want %q", test.solved, got, test.open)
		}
	}
}

func TestOpened(t *testing.T) {
	for _, test := range []struct{ before, now, opened string }{
		{"", "a", "c"},
		{"", "b", ""},
		{"a", "a b", "d"},
		{"b", "a b", "c d"},
		{"a b", "a b c", "e"},
		{"a b c d", "a b c d e", ""},
	} {
		if got := strings.Join(rules{sample()}.opened(set(test.before), set(test.now)), " "); got != test.opened {
			t.Errorf("from %q to %q opened %q, want %q", test.before, test.now, got, test.opened)
		}
	}
}

func TestFinished(t *testing.T) {
	for _, test := range []struct {
		rule   huntfile.Finish
		solved string
		want   bool
	}{
		{huntfile.Finish{}, "", false},
		{huntfile.Finish{}, "a b c d", false},
		{huntfile.Finish{}, "a b c d e", true},
		{huntfile.Finish{Solves: 2}, "a", false},
		{huntfile.Finish{Solves: 2}, "b d", true},
		{huntfile.Finish{Solves: 2}, "a b c", true},
		{huntfile.Finish{Clues: []string{"a", "e"}}, "a b c d", false},
		{huntfile.Finish{Clues: []string{"a", "e"}}, "a e", true},
	} {
		hunt := sample()
		hunt.Finish = test.rule
		if got := (rules{hunt}).finished(set(test.solved)); got != test.want {
			t.Errorf("%+v with %q: %v, want %v", test.rule, test.solved, got, test.want)
		}
	}
}

// TestOpenAgainstModel checks, on random hunts and random orders of play: a further solve closes
// nothing; what is open follows from the rule as it reads; and a team that solves whatever is open
// to it finishes every hunt that is valid.
func TestOpenAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hunt := randomHunt(t)
		r, solved := rules{hunt}, solveSet{}
		for {
			open := r.open(solved)
			for _, clue := range hunt.Clues {
				if want := shouldOpen(clue, solved); slices.Contains(open, clue.ID) != want {
					t.Fatalf("with %v: %s open is %v, want %v", solved, clue.ID, !want, want)
				}
			}
			todo := slices.DeleteFunc(slices.Clone(open), solved.has)
			if len(todo) == 0 {
				break
			}
			next := rapid.SampledFrom(todo).Draw(t, "solve")
			after := solved.with(next, 1)
			opened := r.opened(solved, after)
			if now := r.open(after); len(now) != len(open)+len(opened) {
				t.Fatalf("%v open, then %v opened, now %v", open, opened, now)
			}
			if !after.has(next) || solved.has(next) || after.count() != solved.count()+1 {
				t.Fatalf("solving %s took %v to %v", next, solved, after)
			}
			solved = after
		}
		if valid := hunt.Validate() == nil; valid != (len(solved) == len(hunt.Clues)) || valid && !r.finished(solved) {
			t.Fatalf("valid %v, but a team solved %d of %d clues, finished %v", valid, len(solved), len(hunt.Clues), r.finished(solved))
		}
	})
}

// shouldOpen reads the rule word by word.
func shouldOpen(clue huntfile.Clue, solved solveSet) bool {
	if clue.Unlock.Start || solved.has(clue.ID) {
		return true
	}
	found := 0
	for id := range solved {
		if slices.Contains(clue.Unlock.After, id) {
			found++
		}
	}
	return found == len(clue.Unlock.After) && len(solved) >= clue.Unlock.Solves
}

func randomHunt(t *rapid.T) *huntfile.Hunt {
	hunt := &huntfile.Hunt{ID: "random", Title: "Random"}
	n := rapid.IntRange(1, 7).Draw(t, "clues")
	for i := range n {
		rule := huntfile.Rule{Start: i == 0 || rapid.IntRange(0, 3).Draw(t, "start") == 0}
		if !rule.Start {
			rule.Solves = rapid.IntRange(0, i+1).Draw(t, "solves")
			if other := rapid.IntRange(0, n-1).Draw(t, "after"); other != i {
				rule.After = []string{fmt.Sprint("c", other)}
			} else {
				rule.Solves = max(1, rule.Solves)
			}
		}
		id := fmt.Sprint("c", i)
		hunt.Clues = append(hunt.Clues, huntfile.Clue{ID: id, Title: id, Answers: []string{id}, Unlock: rule})
	}
	return hunt
}
