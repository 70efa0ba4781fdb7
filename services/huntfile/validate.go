package huntfile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"leafmesh/mesh/config"
	"leafmesh/services/answer"
)

// Bounds of a hunt. They keep a definition, and every page made of it, small enough to hold in
// memory and to send.
const (
	// MaxClues is how many clues a hunt may have.
	MaxClues = 1000
	// MaxAnswers is how many answers a clue may accept.
	MaxAnswers = 100
	// MaxHints is how many hints a clue may have.
	MaxHints = 20
	// MaxText is the length of a text, in bytes.
	MaxText = 16 << 10
	// MaxID is the length of an id, in bytes.
	MaxID = 64
	// MaxTitle is the length of a title, in characters.
	MaxTitle = 200
	// MaxAnswer is the length of an answer, in characters: the longest guess a team may send.
	MaxAnswer = 500
	// MaxPoints is what a clue may be worth and a hint may cost.
	MaxPoints = 1_000_000
	// MaxLockout is how long a lock-out that ends may last.
	MaxLockout = 30 * 24 * time.Hour
)

var identifier = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

const identifierRemedy = "use small letters, digits and single dashes between them, at most 64, as in old-mill-2"

// Validate says whether the hunt can be played. It returns every problem, joined, each a
// [*config.FieldError], or nil.
func (h *Hunt) Validate() error {
	c := &checker{hunt: h, index: make(map[string]int, len(h.Clues))}
	c.head()
	c.clues()
	c.finish()
	if len(c.problems) == 0 { // Only then do the rules mean anything.
		c.reach()
	}
	return errors.Join(c.problems...)
}

// checker collects problems.
type checker struct {
	hunt     *Hunt
	index    map[string]int // clue id → its place in hunt.Clues
	problems []error
}

func (c *checker) add(field, problem, remedy string) {
	c.problems = append(c.problems, &config.FieldError{Field: field, Problem: problem, Remedy: remedy})
}

func (c *checker) head() {
	c.identifier("id", c.hunt.ID)
	c.title("title", c.hunt.Title)
	c.text("text", c.hunt.Text)
	limits := c.hunt.Limits
	c.within("limits.guesses", limits.Guesses, 0, 1_000_000)
	switch {
	case limits.Lockout < 0 || limits.Lockout > MaxLockout:
		c.add("limits.lockout", fmt.Sprintf("%v is out of range", limits.Lockout), fmt.Sprintf("give 0s (for good) to %v", MaxLockout))
	case limits.Lockout > 0 && limits.Guesses == 0:
		c.add("limits.lockout", "a lock-out without a number of guesses never happens", "give limits.guesses too, or leave lockout out")
	}
}

func (c *checker) clues() {
	switch n := len(c.hunt.Clues); {
	case n == 0:
		c.add("clues", "there is no clue", "give at least one")
	case n > MaxClues:
		c.add("clues", fmt.Sprintf("%d clues are too many", n), fmt.Sprintf("give at most %d", MaxClues))
	}
	for i, clue := range c.hunt.Clues {
		field := fmt.Sprintf("clues[%d]", i)
		c.identifier(field+".id", clue.ID)
		if first, taken := c.index[clue.ID]; taken && clue.ID != "" {
			c.add(field+".id", fmt.Sprintf("%q is the id of clues[%d] too", clue.ID, first), "give each clue an id of its own")
		} else {
			c.index[clue.ID] = i
		}
	}
	for i, clue := range c.hunt.Clues {
		c.clue(fmt.Sprintf("clues[%d]", i), clue)
	}
}

func (c *checker) clue(field string, clue Clue) {
	c.title(field+".title", clue.Title)
	c.text(field+".text", clue.Text)
	c.within(field+".points", clue.Points, 0, MaxPoints)
	c.answers(field+".answers", clue.Answers)
	if len(clue.Hints) > MaxHints {
		c.add(field+".hints", fmt.Sprintf("%d hints are too many", len(clue.Hints)), fmt.Sprintf("give at most %d", MaxHints))
	}
	for i, hint := range clue.Hints {
		at := fmt.Sprintf("%s.hints[%d]", field, i)
		if strings.TrimSpace(hint.Text) == "" {
			c.add(at+".text", "the hint says nothing", "write a text or remove the hint")
		}
		c.text(at+".text", hint.Text)
		c.within(at+".cost", hint.Cost, 0, MaxPoints)
	}
	c.rule(field+".unlock", clue)
}

// answers checks that each can be given, and that none says the same as another.
func (c *checker) answers(field string, answers []string) {
	switch n := len(answers); {
	case n == 0:
		c.add(field, "the clue has no answer", "give at least one")
	case n > MaxAnswers:
		c.add(field, fmt.Sprintf("%d answers are too many", n), fmt.Sprintf("give at most %d", MaxAnswers))
	}
	seen := make(map[string]int, len(answers))
	for i, text := range answers {
		at := fmt.Sprintf("%s[%d]", field, i)
		form := answer.Normalize(text)
		first, double := seen[form]
		switch {
		case utf8.RuneCountInString(text) > MaxAnswer:
			c.add(at, "the answer is longer than any guess", fmt.Sprintf("give at most %d characters", MaxAnswer))
		case form == "":
			c.add(at, fmt.Sprintf("nothing of %q counts in an answer", text), "give at least one letter, digit, symbol or emoji; spaces and punctuation are ignored")
		case double:
			c.add(at, fmt.Sprintf("%q is the same answer as %s[%d]", text, field, first), "remove it; case, spaces and punctuation are ignored anyway")
		default:
			seen[form] = i
		}
	}
}

func (c *checker) rule(field string, clue Clue) {
	rule := clue.Unlock
	c.within(field+".solves", rule.Solves, 0, MaxClues)
	switch {
	case !rule.Start && rule.Solves == 0 && len(rule.After) == 0:
		c.add(field, "the clue never opens", "give start: true, solves: 3 or after: [other-clue]")
	case rule.Start && (rule.Solves != 0 || len(rule.After) > 0):
		c.add(field, "a clue that is open from the start has no other condition", "remove start, or solves and after")
	}
	c.references(field+".after", rule.After)
	if slices.Contains(rule.After, clue.ID) {
		c.add(field+".after", "the clue waits for itself", "name other clues")
	}
}

func (c *checker) finish() {
	finish := c.hunt.Finish
	c.within("finish.solves", finish.Solves, 0, len(c.hunt.Clues))
	if finish.Solves != 0 && len(finish.Clues) > 0 {
		c.add("finish", "two rules for the finish", "give solves or clues, or neither for all clues")
	}
	c.references("finish.clues", finish.Clues)
}

// references checks a list of clue ids.
func (c *checker) references(field string, ids []string) {
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", field, i)
		if _, known := c.index[id]; !known {
			c.add(at, fmt.Sprintf("no clue has the id %q", id), "name a clue of this hunt")
		}
		if slices.Contains(ids[:i], id) {
			c.add(at, fmt.Sprintf("%q is named twice", id), "name it once")
		}
	}
}

func (c *checker) identifier(field, id string) {
	switch {
	case id == "":
		c.add(field, "it is missing", identifierRemedy)
	case len(id) > MaxID || !identifier.MatchString(id):
		c.add(field, fmt.Sprintf("%.80q is not an id", id), identifierRemedy)
	}
}

func (c *checker) title(field, title string) {
	switch {
	case strings.TrimSpace(title) == "":
		c.add(field, "it is missing", "give a title for the teams to read")
	case utf8.RuneCountInString(title) > MaxTitle:
		c.add(field, "the title is too long", fmt.Sprintf("give at most %d characters", MaxTitle))
	}
}

func (c *checker) text(field, text string) {
	if len(text) > MaxText {
		c.add(field, fmt.Sprintf("the text has %d bytes", len(text)), fmt.Sprintf("give at most %d", MaxText))
	}
}

func (c *checker) within(field string, value, low, high int) {
	if value < low || value > high {
		c.add(field, fmt.Sprintf("%d is out of range", value), fmt.Sprintf("give a whole number from %d to %d", low, high))
	}
}
