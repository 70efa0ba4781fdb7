package guesslog

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/mesh/config"
	"leafmesh/services/answer"
	"leafmesh/services/huntfile"
)

func row(puzzle, text string, correct bool) Guess {
	return Guess{Team: "Owls", Puzzle: puzzle, Text: text, Correct: correct}
}

func TestDerive(t *testing.T) {
	d, err := Derive(&Log{Guesses: []Guess{
		row("First Steps", "boat", false), row("First Steps", "BOOT", true), row("First Steps", "b o o t", true), row("First Steps", "SHOE", true),
		row("first steps!", "x", true), row("探し物", "y", true), row("失くし物", "z", true),
		row("Unsolved", "an answer that nobody gave, number 1", false), row("No Letters", "...", true),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []huntfile.Clue{
		{ID: "first-steps", Title: "First Steps", Answers: []string{"BOOT", "SHOE"}},
		{ID: "first-steps-2", Title: "first steps!", Answers: []string{"x"}},
		{ID: "puzzle", Title: "探し物", Answers: []string{"y"}},
		{ID: "puzzle-2", Title: "失くし物", Answers: []string{"z"}},
		{ID: "unsolved", Title: "Unsolved", Answers: []string{"an answer that nobody gave, number 2"}},
		{ID: "no-letters", Title: "No Letters", Answers: []string{"an answer that nobody gave, number 1"}},
	}
	for i := range want {
		want[i].Points, want[i].Unlock = 1, huntfile.Rule{Start: true}
	}
	if !reflect.DeepEqual(d.Hunt.Clues, want) {
		t.Errorf("got\n%+v\nwant\n%+v", d.Hunt.Clues, want)
	}
	for _, c := range want {
		if d.Clues[c.Title] != c.ID {
			t.Errorf("puzzle %q is clue %q, want %q", c.Title, d.Clues[c.Title], c.ID)
		}
	}
	if d.Hunt.Limits != (huntfile.Limits{}) {
		t.Errorf("the hunt has limits: %+v", d.Hunt.Limits)
	}
}

func TestDeriveNumbersLongTitles(t *testing.T) {
	title := strings.Repeat("abcdefghi ", 12) // an id ends after "…abcd"; cut for its number, after a dash
	d, err := Derive(&Log{Guesses: []Guess{row(title+"1", "x", true), row(title+"2", "x", true)}})
	if err != nil {
		t.Fatal(err)
	}
	if id := d.Clues[title+"2"]; !strings.HasSuffix(id, "-2") || len(id) > huntfile.MaxID {
		t.Errorf("the second id is %q", id)
	}
}

func TestDeriveTooManyPuzzles(t *testing.T) {
	log := &Log{}
	for i := range huntfile.MaxClues + 1 {
		log.Guesses = append(log.Guesses, row("P"+strconv.Itoa(i), "x", true))
	}
	_, err := Derive(log)
	if e, ok := errors.AsType[*config.FieldError](err); !ok || e.Field != "clues" || !strings.Contains(e.Problem, "too many") {
		t.Errorf("got %v, want too many clues", err)
	}
}

// In the derived hunt each guess of a log is right exactly when its letter is Y, and the hunt
// survives being written down.
func TestDeriveLogs(t *testing.T) {
	for _, known := range testlog.All(t) {
		log, err := Read(known.Path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Derive(log)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range log.Guesses {
			clue, _ := d.Hunt.Clue(d.Clues[g.Puzzle])
			right := false
			for _, a := range clue.Answers {
				right = right || answer.Same(a, g.Text)
			}
			if right != g.Correct {
				t.Errorf("%s, line %d: %q at %q is right: %v", known.Name, g.Line, g.Text, g.Puzzle, right)
			}
		}
		path := filepath.Join(t.TempDir(), "hunt.yaml")
		if err := d.Hunt.Write(path); err != nil {
			t.Fatal(err)
		}
		back, err := huntfile.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var once, twice bytes.Buffer
		if err := errors.Join(d.Hunt.Encode(&once), back.Encode(&twice)); err != nil || once.String() != twice.String() {
			t.Errorf("%s: the hunt reads back different: %v", known.Name, err)
		}
	}
}
