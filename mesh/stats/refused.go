package stats

import (
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/cause"
)

// Errors of events that were not admitted. Package mesh has them under the same names.
var (
	// ErrRefused: the event was not admitted. errors.As with *RefusedError tells why.
	ErrRefused = errors.New("mesh: event refused")
	// ErrCascade is found by errors.Is in each refusal of the cascade guard. Such a refusal is
	// final: a handler that returns it is not tried again.
	ErrCascade = fmt.Errorf("%w: cascade out of bounds", ErrRefused)
	// ErrLineFull: the rule's policy is to wait, and as many events wait already as may.
	ErrLineFull = errors.New("as many events wait already as may")
	// ErrClosed: the node is closing or closed.
	ErrClosed = errors.New("mesh: the node is closed")
)

// RefusedError says which rule refused an event, and where. errors.Is finds ErrRefused in it, and
// the cause if it has one. It must not be changed: events that are refused by the same rule may get
// the same error.
type RefusedError struct {
	Type  string // the event's subject
	Place string // "emit", "handler count", "export", "import", "outbox", "tap"
	Rule  string // "emit-limit", "queue-full", …
	Cause error  // nil, or what ended the wait or forbade it
}

// Error names the type, the place and the rule.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("mesh: %s refused at %s by %s", e.Type, e.Place, e.Rule)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap lets errors.Is find ErrRefused and the cause.
func (e *RefusedError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrRefused}
	}
	return []error{ErrRefused, e.Cause}
}

// CascadeError says which bound of its cascade an event would have broken.
//
// The place is "emit", "import" or "handler <name>"; the rule is "cascade-depth", "cascade-loop",
// "cascade-deadline" or "cascade-descendants". It must not be changed: emits of one type in one
// handler call may get the same error.
type CascadeError struct {
	RefusedError
	Root cause.ID // the event that began the cascade
	// Limit is what the rule allows, and Value what the event would have made it: events, or
	// nanoseconds for the deadline.
	Limit, Value int64
	// Lineage is the refused event's path.
	Lineage *cause.Path
}

// Path lists the steps from the root to the refused event, each "node:subject".
func (e *CascadeError) Path() []string { return e.Lineage.Steps() }

// Error names the rule, the numbers and the whole path.
func (e *CascadeError) Error() string {
	limit, value := fmt.Sprint(e.Limit), fmt.Sprint(e.Value)
	if e.Rule == CascadeDeadline {
		limit, value = time.Duration(e.Limit).String(), time.Duration(e.Value).String()
	}
	return fmt.Sprintf("mesh: %s refused at %s by %s: %s is over %s, in the cascade of %s: %s",
		e.Type, e.Place, e.Rule, value, limit, e.Root, e.Lineage)
}

// Unwrap lets errors.Is find ErrCascade and ErrRefused, and errors.As the RefusedError.
func (e *CascadeError) Unwrap() []error { return []error{ErrCascade, &e.RefusedError} }
