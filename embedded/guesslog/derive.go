package guesslog

import (
	"fmt"
	"strconv"
	"strings"

	"leafmesh/services/answer"
	"leafmesh/services/huntfile"
)

// HuntID is the id of every derived hunt.
const HuntID = "replay"

// Derived is a hunt made of a log.
type Derived struct {
	Hunt *huntfile.Hunt
	// Clues gives each puzzle's clue: title → id.
	Clues map[string]string

	taken map[string]bool // ids
}

// Derive makes the hunt that a log was played on, as far as the log tells. Error:
// *huntfile.FieldError joined, where a log's puzzles go beyond what a hunt may have.
func Derive(log *Log) (Derived, error) {
	d := Derived{
		Hunt:  &huntfile.Hunt{ID: HuntID, Title: "The hunt of a guess log"},
		Clues: make(map[string]string),
		taken: make(map[string]bool),
	}
	puzzles := make(map[string]*given)
	for _, g := range log.Guesses {
		one := puzzles[g.Puzzle]
		if one == nil {
			one = &given{forms: make(map[string]bool)}
			puzzles[g.Puzzle] = one
			d.add(g.Puzzle)
		}
		one.add(g)
	}
	for i, clue := range d.Hunt.Clues {
		d.Hunt.Clues[i].Answers = puzzles[clue.Title].answers()
	}
	if err := d.Hunt.Validate(); err != nil {
		return Derived{}, fmt.Errorf("derive the hunt: %w", err)
	}
	return d, nil
}

// add gives a puzzle its clue, still without answers.
func (d *Derived) add(title string) {
	id := d.freeID(title)
	d.Clues[title], d.taken[id] = id, true
	d.Hunt.Clues = append(d.Hunt.Clues, huntfile.Clue{ID: id, Title: title, Points: 1, Unlock: huntfile.Rule{Start: true}})
}

// freeID makes an id of a title; where two titles make the same, the later ones get a number.
func (d *Derived) freeID(title string) string {
	base := huntfile.Slug(title)
	if base == "" { // nothing Latin in it
		base = "puzzle"
	}
	id := base
	for n := 2; d.taken[id]; n++ {
		number := "-" + strconv.Itoa(n)
		id = strings.TrimRight(base[:min(len(base), huntfile.MaxID-len(number))], "-") + number
	}
	return id
}

// given is what was guessed at one puzzle.
type given struct {
	right []string        // the guesses of Y rows, one for each normal form
	forms map[string]bool // normal form of every guess → whether a Y row has it
}

func (g *given) add(guess Guess) {
	form := answer.Normalize(guess.Text)
	if form == "" {
		return // No clue can have it for an answer, so that its Y row will count as a mismatch.
	}
	if guess.Correct && !g.forms[form] {
		g.right = append(g.right, guess.Text)
	}
	g.forms[form] = g.forms[form] || guess.Correct
}

// answers returns the right guesses, or else an answer that nobody gave: a clue must have one. A
// random one was rejected: the same log must give the same hunt.
func (g *given) answers() []string {
	if len(g.right) > 0 {
		return g.right
	}
	for n := 1; ; n++ {
		nobodys := "an answer that nobody gave, number " + strconv.Itoa(n)
		if _, guessed := g.forms[answer.Normalize(nobodys)]; !guessed {
			return []string{nobodys}
		}
	}
}
