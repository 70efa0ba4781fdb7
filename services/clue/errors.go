package clue

import (
	"errors"
	"fmt"
)

// Errors of the entrances. Those of Emit (mesh.ErrRefused, mesh.ErrClosed, …) and of the context
// come through too.
var (
	// ErrBusy: too many callers wait for a verdict already. Nothing was submitted; try again later.
	ErrBusy = errors.New("too many guesses wait for their verdict")
	// ErrNotOpen: the clue is not open to the team, or one of them does not exist.
	ErrNotOpen = errors.New("the clue is not open to the team")
	// ErrSolved: a hint for a clue that the team has solved.
	ErrSolved = errors.New("the team has solved the clue already")
	// ErrNoHint: the team has taken all hints of the clue.
	ErrNoHint = errors.New("the clue has no further hint")
)

// InputError is a submission that is refused for its form, before anything is known about it.
type InputError struct {
	Field   string // "team", "clue", "guess"
	Problem string
}

// Error names the field and the problem.
func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.Field, e.Problem) }
