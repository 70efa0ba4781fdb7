package config

import (
	"errors"
	"fmt"
	"strings"
)

// Change is one difference between two configurations.
type Change struct {
	// Field is the path of the value as in YAML. Entries of lists that have a name are called by
	// it: "peers[clue-2].url".
	Field string `json:"field"`
	// Old and New are the values, "" for one that is not there. Of a secret they say where it
	// stands.
	Old string `json:"old,omitzero"`
	New string `json:"new,omitzero"`
	// Live says that a running node takes the change. Else it needs a restart.
	Live bool `json:"live"`

	at string // the path by which the new file's lines are found
}

// RestartFor is a change that needs a restart. field is as in [Change], and at the same by
// positions, as in "peers[0].url".
func RestartFor(field, at, old, new string) Change {
	return Change{Field: field, at: at, Old: old, New: new}
}

// Changes are the differences between two configurations, in the order of the fields.
type Changes []Change

// nothing stands for a value that is not there.
const nothing = "nothing"

// String gives "field: old → new", and says if that needs a restart.
func (c Change) String() string {
	text := fmt.Sprintf("%s: %s → %s", c.Field, given(c.Old), given(c.New))
	if !c.Live {
		text += " (needs a restart)"
	}
	return printable(text)
}

func given(value string) string {
	if value == "" {
		return nothing
	}
	return value
}

// String gives a line for each change.
func (c Changes) String() string {
	lines := make([]string, len(c))
	for i, one := range c {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// ErrNeedsRestart is in every error about a change that a running node cannot take.
var ErrNeedsRestart = errors.New("mesh: needs a restart")

// ErrNotUndone is in the error of a reload that failed and could not be undone whole: what the node
// does is partly what it did, and partly what the file says. Only a restart mends that for certain.
var ErrNotUndone = errors.New("mesh: not undone")

// ErrNoFile says that the node is configured by its program: it has no file that could be read
// again.
var ErrNoFile = errors.New("mesh: the node has no file")

// Restarts gives a FieldError for each change that needs a restart, joined; nil if none does. Each
// is [ErrNeedsRestart].
func (c Changes) Restarts() error {
	var problems []*FieldError
	for _, one := range c {
		if !one.Live {
			problems = append(problems, &FieldError{Field: one.at, Remedy: "start the node again with it, or leave it as it was", cause: ErrNeedsRestart,
				Problem: fmt.Sprintf("it cannot change while the node runs: %s → %s", given(one.Old), given(one.New))})
		}
	}
	return joined(problems)
}

// Under gives the changes with their fields under a key in the whole: see [InField].
func (c Changes) Under(field string) (all Changes) {
	for _, one := range c {
		one.Field, one.at = field+"."+one.Field, field+"."+one.at
		all = append(all, one)
	}
	return all
}
