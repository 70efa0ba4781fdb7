package huntfile

import "time"

// Hunt is a whole treasure hunt: what teams may read, what they must find, and in which order.
// Build one in code or [Load] it; [Hunt.Validate] says whether it can be played. Treat it as
// read-only once a service has it.
type Hunt struct {
	// ID names the hunt: small letters, digits and dashes, at most 64.
	ID string `yaml:"id"`
	// Title is shown to teams, at most 200 characters.
	Title string `yaml:"title"`
	// Text is an introduction shown to teams; may be empty.
	Text string `yaml:"text,omitempty"`
	// Limits hold back guessing. The zero value limits nothing.
	Limits Limits `yaml:"limits,omitempty"`
	// Finish says when a team is done. The zero value: when it solved every clue.
	Finish Finish `yaml:"finish,omitempty"`
	// Clues in the order in which they are shown. At least one, at most MaxClues.
	Clues []Clue `yaml:"clues"`
}

// Limits hold back guessing, for each team and clue on its own.
type Limits struct {
	// Guesses is how many wrong guesses a team has on one clue before it is locked out of it. 0: no
	// limit.
	Guesses int `yaml:"guesses,omitempty"`
	// Lockout is how long a lock-out lasts, counted from the wrong guess that caused it; afterwards
	// the team has Guesses guesses again. 0: it lasts for good. In YAML: 90s, 10m, 1h30m.
	Lockout time.Duration `yaml:"lockout,omitempty"`
}

// Finish says when a team has finished. At most one of its fields is set; none: every clue must be
// solved.
type Finish struct {
	// Solves is how many clues must be solved.
	Solves int `yaml:"solves,omitempty"`
	// Clues are the ids of those that must be solved.
	Clues []string `yaml:"clues,omitempty"`
}

// Clue is one riddle.
type Clue struct {
	// ID names the clue in events and URLs: small letters, digits and dashes, at most 64, unique in
	// the hunt.
	ID string `yaml:"id"`
	// Title is shown to teams, at most 200 characters.
	Title string `yaml:"title"`
	// Text is what a team sees once the clue is open to it; may be empty, at most 16 KiB.
	Text string `yaml:"text,omitempty"`
	// Points a solve is worth; 0 to 1,000,000.
	Points int `yaml:"points"`
	// Answers are all texts that solve the clue, at least one. They are compared in the form of
	// answer.Normalize.
	Answers []string `yaml:"answers"`
	// Hints in the order in which they are given.
	Hints []Hint `yaml:"hints,omitempty"`
	// Unlock says when the clue opens to a team.
	Unlock Rule `yaml:"unlock"`
}

// Hint is a help that a team may take for points.
type Hint struct {
	Text string `yaml:"text"`
	// Cost in points, taken from the team's score; 0 to 1,000,000.
	Cost int `yaml:"cost,omitempty"`
}

// Rule says when a clue opens to a team. Either Start, or one or both of the others; both must then
// hold.
type Rule struct {
	// Start opens the clue as soon as the team joins.
	Start bool `yaml:"start,omitempty"`
	// Solves is how many other clues, whichever, the team must have solved.
	Solves int `yaml:"solves,omitempty"`
	// After are the ids of clues that the team must all have solved.
	After []string `yaml:"after,omitempty"`
}

// Clue returns the clue with this id. It walks the list: a service that asks for each event makes a
// map of its own.
func (h *Hunt) Clue(id string) (Clue, bool) {
	for _, c := range h.Clues {
		if c.ID == id {
			return c, true
		}
	}
	return Clue{}, false
}
