package outbox

import (
	"errors"
	"fmt"
	"path/filepath"

	"leafmesh/mesh/internal/sealed"
)

// Errors of Store and Pending.Wait.
var (
	// ErrFull: the event was not stored, because a bound of the outbox is reached.
	// It can be stored when a service has taken some of what is there.
	ErrFull = errors.New("outbox is full")
	// ErrDisk: the event was not stored, because the outbox cannot be written.
	// Storing goes on by itself when it can.
	ErrDisk = errors.New("outbox cannot be written")
	// ErrUncertain: no answer came. The event may be stored or not; storing it
	// again with the same id within Config.Duplicates is safe.
	ErrUncertain = errors.New("outbox did not answer: the event may be stored")
	// ErrClosed: the outbox was closed.
	ErrClosed = errors.New("outbox is closed")
)

// DamagedError says what is wrong with an outbox that was found at Open, and what
// an operator can do. Nothing was changed.
type DamagedError struct {
	// Dir is the outbox's directory.
	Dir string
	// File is the file or directory that is damaged.
	File string
	// Problem is what is wrong with it.
	Problem string
	// Accept is what to remove to accept the loss.
	Accept string
}

// Error names the file, the problem and the remedies.
func (e *DamagedError) Error() string {
	remove := e.Accept
	if e.Accept == e.Dir {
		remove = "all in " + e.Dir // a directory that is gone is taken for lost
	}
	return fmt.Sprintf("outbox is damaged: %s: %s: restore %s from a copy, or remove %s to accept the loss (then %s)",
		e.File, e.Problem, e.Dir, remove, e.consequence())
}

// Is reports that it is a sealed.ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == sealed.ErrDamaged }

func (e *DamagedError) consequence() string {
	switch {
	case e.Accept == e.Dir:
		return "an empty outbox begins"
	case filepath.Base(e.Accept) == floorsName:
		return "its readers get again all that is still there"
	}
	return "the outbox goes on with what is left"
}
