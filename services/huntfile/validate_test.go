package huntfile

import (
	"strings"
	"testing"
	"time"

	"leafmesh/mesh/config"
)

// small is a valid hunt of three clues: a is open, b after a, c after two solves.
func small() *Hunt {
	return &Hunt{ID: "small", Title: "A small hunt", Clues: []Clue{
		{ID: "a", Title: "A", Points: 1, Answers: []string{"one"}, Unlock: Rule{Start: true}},
		{ID: "b", Title: "B", Points: 2, Answers: []string{"two", "2"}, Unlock: Rule{After: []string{"a"}}},
		{ID: "c", Title: "C", Points: 3, Answers: []string{"three"}, Hints: []Hint{{Text: "it is odd", Cost: 1}}, Unlock: Rule{Solves: 2}},
	}}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*Hunt)
		field   string // of the only problem; "" when valid
		problem string // a part of its text
	}{
		{"valid", func(*Hunt) {}, "", ""},
		{"lock-out", func(h *Hunt) { h.Limits = Limits{Guesses: 3, Lockout: time.Minute} }, "", ""},
		{"lock-out for good", func(h *Hunt) { h.Limits = Limits{Guesses: 3} }, "", ""},
		{"finish by solves", func(h *Hunt) { h.Finish.Solves = 3 }, "", ""},
		{"finish by clues", func(h *Hunt) { h.Finish.Clues = []string{"c", "a"} }, "", ""},
		{"solves and after", func(h *Hunt) { h.Clues[2].Unlock = Rule{Solves: 1, After: []string{"a"}} }, "", ""},

		{"no id", func(h *Hunt) { h.ID = "" }, "id", "missing"},
		{"bad id", func(h *Hunt) { h.ID = "Small Hunt" }, "id", "is not an id"},
		{"long id", func(h *Hunt) { h.ID = strings.Repeat("a", 65) }, "id", "is not an id"},
		{"no title", func(h *Hunt) { h.Title = " \t" }, "title", "missing"},
		{"long title", func(h *Hunt) { h.Title = strings.Repeat("é", 201) }, "title", "too long"},
		{"long text", func(h *Hunt) { h.Text = strings.Repeat("a", MaxText+1) }, "text", "bytes"},
		{"negative guesses", func(h *Hunt) { h.Limits.Guesses = -1 }, "limits.guesses", "out of range"},
		{"negative lock-out", func(h *Hunt) { h.Limits = Limits{Guesses: 1, Lockout: -1} }, "limits.lockout", "out of range"},
		{"lock-out without guesses", func(h *Hunt) { h.Limits.Lockout = time.Minute }, "limits.lockout", "never happens"},
		{"no clues", func(h *Hunt) { h.Clues = nil }, "clues", "no clue"},
		{"clue without id", func(h *Hunt) { h.Clues[2].ID = "" }, "clues[2].id", "missing"},
		{"duplicate id", func(h *Hunt) { h.Clues[2].ID = "a" }, "clues[2].id", "clues[0]"},
		{"clue without title", func(h *Hunt) { h.Clues[0].Title = "" }, "clues[0].title", "missing"},
		{"negative points", func(h *Hunt) { h.Clues[0].Points = -1 }, "clues[0].points", "out of range"},
		{"no answers", func(h *Hunt) { h.Clues[0].Answers = nil }, "clues[0].answers", "no answer"},
		{"answer of nothing", func(h *Hunt) { h.Clues[1].Answers[1] = " …! " }, "clues[1].answers[1]", "nothing of"},
		{"same answer twice", func(h *Hunt) { h.Clues[1].Answers[1] = "T-W-O" }, "clues[1].answers[1]", "same answer"},
		{"long answer", func(h *Hunt) { h.Clues[1].Answers[1] = strings.Repeat("a", 501) }, "clues[1].answers[1]", "longer than any guess"},
		{"empty hint", func(h *Hunt) { h.Clues[2].Hints[0].Text = "" }, "clues[2].hints[0].text", "says nothing"},
		{"hint that pays", func(h *Hunt) { h.Clues[2].Hints[0].Cost = -1 }, "clues[2].hints[0].cost", "out of range"},
		{"too many hints", func(h *Hunt) {
			for range MaxHints {
				h.Clues[0].Hints = append(h.Clues[0].Hints, Hint{Text: "x"})
			}
			h.Clues[0].Hints = append(h.Clues[0].Hints, Hint{Text: "x"})
		}, "clues[0].hints", "too many"},
		{"no rule", func(h *Hunt) { h.Clues[1].Unlock = Rule{} }, "clues[1].unlock", "never opens"},
		{"start and more", func(h *Hunt) { h.Clues[0].Unlock.Solves = 1 }, "clues[0].unlock", "no other condition"},
		{"negative solves", func(h *Hunt) { h.Clues[2].Unlock.Solves = -2 }, "clues[2].unlock.solves", "out of range"},
		{"after nobody", func(h *Hunt) { h.Clues[1].Unlock.After = []string{"z"} }, "clues[1].unlock.after[0]", `no clue has the id "z"`},
		{"after twice", func(h *Hunt) { h.Clues[1].Unlock.After = []string{"a", "a"} }, "clues[1].unlock.after[1]", "twice"},
		{"after itself", func(h *Hunt) { h.Clues[1].Unlock.After = []string{"b"} }, "clues[1].unlock.after", "waits for itself"},
		{"finish twice", func(h *Hunt) { h.Finish = Finish{Solves: 1, Clues: []string{"a"}} }, "finish", "two rules"},
		{"finish out of reach", func(h *Hunt) { h.Finish.Solves = 4 }, "finish.solves", "out of range"},
		{"finish nowhere", func(h *Hunt) { h.Finish.Clues = []string{"z"} }, "finish.clues[0]", "no clue has"},

		{"cycle", func(h *Hunt) { h.Clues[1].Unlock.After = []string{"c"}; h.Clues[2].Unlock = Rule{After: []string{"b"}} },
			"clues[1].unlock.after", "(b → c → b)"},
		{"too many solves", func(h *Hunt) { h.Clues[2].Unlock.Solves = 3 }, "clues[2].unlock.solves", "at most 2 are possible"},
		{"no way in", func(h *Hunt) {
			h.Clues = h.Clues[1:2]
			h.Clues[0].Unlock = Rule{Solves: 1}
		}, "clues[0].unlock.solves", "at most 0"},
		{"waits for one that never opens", func(h *Hunt) {
			h.Clues[1].Unlock = Rule{Solves: 5}
			h.Clues[2].Unlock = Rule{After: []string{"b"}}
		}, "clues[1].unlock.solves", "at most 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := small()
			test.change(h)
			got := config.FieldErrors(h.Validate())
			switch {
			case test.field == "" && len(got) == 0:
			case test.field == "":
				t.Errorf("Validate() = %v, want nil", got[0])
			case len(got) != 1:
				t.Errorf("Validate() gave %d problems, want one: %v", len(got), got)
			case got[0].Field != test.field || !strings.Contains(got[0].Problem, test.problem):
				t.Errorf("Validate() = %q: %q, want %q: …%q…", got[0].Field, got[0].Problem, test.field, test.problem)
			case got[0].Remedy == "":
				t.Error("no remedy")
			}
		})
	}
}

func TestValidateReportsEverything(t *testing.T) {
	h := small()
	h.ID, h.Title, h.Clues[0].Answers, h.Clues[2].Points = "", "", nil, -1
	if got := config.FieldErrors(h.Validate()); len(got) != 4 {
		t.Errorf("got %d problems, want 4: %v", len(got), got)
	}
}

func TestClue(t *testing.T) {
	h := small()
	if clue, ok := h.Clue("b"); !ok || clue.Points != 2 {
		t.Errorf("Clue(b) = %+v, %v", clue, ok)
	}
	if _, ok := h.Clue("z"); ok {
		t.Error("found a clue that is not there")
	}
}

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"Lips Are Movin’ (1)":             "lips-are-movin-1",
		"The Answer to This Puzzle Is...": "the-answer-to-this-puzzle-is",
		"o ea / Wrd Srch":                 "o-ea-wrd-srch",
		"  Crème Brûlée!":                 "creme-brulee",
		"谜":                               "",
		strings.Repeat("ab ", 40):         strings.Repeat("ab-", 21) + "a",
	} {
		if got := Slug(title); got != want {
			t.Errorf("Slug(%q) = %q, want %q", title, got, want)
		}
	}
}
