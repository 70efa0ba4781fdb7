package stats

import (
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/cause"
)

// Errors of events that were not admitted. Package mesh has them under the same names.
var (
	// ErrRefused: the event was not admitted. errors.As with a RefusedError tells why.
	ErrRefused = errors.New("mesh: event refused")
	// ErrCascade is found by errors.Is in each refusal of the cascade guard. Such a refusal is
	// final: a handler that returns it is not tried again.
	ErrCascade = fmt.Errorf("%w: cascade out of bounds", ErrRefused)
	// ErrLineFull: the rule's policy is to wait, and as many events wait already as may.
	ErrLineFull = errors.New("as many events wait already as may")
	// ErrNotOwner: the event's type belongs to another service than the node's.
	ErrNotOwner = errors.New("mesh: only the service that owns a type emits it")
	// ErrForeignTurn: the event would belong to one node, and its cause to another.
	ErrForeignTurn = errors.New("mesh: the context is of a handler of another node")
	// ErrNotHere: the node knows no such type, or has no such place or rule.
	ErrNotHere = errors.New("mesh: not on this node")
	// ErrClosed: the node is closing or closed.
	ErrClosed = errors.New("mesh: the node is closed")
)

// RefusedError says which rule refused an event, and where. It is a value, so that whoever gets one
// has a copy: events that are refused by the same rule get the same error, and nobody can change
// what another reads.
//
//	if refused, ok := errors.AsType[mesh.RefusedError](err); ok {
//		log.Print(refused.Rule)
//	}
//
// errors.Is finds [ErrRefused] in it, and the cause if it has one. errors.As takes a *RefusedError,
// too, and makes it point to a copy.
type RefusedError struct {
	Type  string // the event's subject
	Place string // "emit", "handler count", "export", "import", "outbox", "tap"
	Rule  string // "emit-limit", "queue-full", …
	Cause error  // nil, or what ended the wait or forbade it
}

// Error names the type, the place and the rule.
func (e RefusedError) Error() string {
	text := fmt.Sprintf("mesh: %s refused at %s by %s", e.Type, e.Place, e.Rule)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Is finds ErrRefused. It takes no allocation, as a list of wrapped errors would.
func (e RefusedError) Is(target error) bool { return target == ErrRefused }

// As returns a copy of the error, or makes a pointer point to one.
func (e RefusedError) As(target any) bool { return copyTo(target, e) }

// Unwrap returns the cause.
func (e RefusedError) Unwrap() error { return e.Cause }

// UncertainError says that a durable event may be stored although Emit failed: the outbox gave no
// answer in time. With mesh.WithID and this id it can be emitted again without becoming two.
type UncertainError struct {
	Event cause.ID
	Cause error
}

// Error names the event.
func (e *UncertainError) Error() string {
	return fmt.Sprintf("event %s may be stored: %v", e.Event, e.Cause)
}

// Unwrap returns the cause.
func (e *UncertainError) Unwrap() error { return e.Cause }

// CascadeError says which bound of its cascade an event would have broken. It is a RefusedError,
// and a value like one.
//
// The place is "emit" or "import"; the rule is "cascade-depth", "cascade-loop", "cascade-deadline"
// or "cascade-descendants".
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
func (e CascadeError) Path() []string { return e.Lineage.Steps() }

// Error names the rule, the numbers and the whole path.
func (e CascadeError) Error() string {
	limit, value := fmt.Sprint(e.Limit), fmt.Sprint(e.Value)
	if e.Rule == CascadeDeadline {
		limit, value = time.Duration(e.Limit).String(), time.Duration(e.Value).String()
	}
	return fmt.Sprintf("mesh: %s refused at %s by %s: %s is over %s, in the cascade of %s: %s",
		e.Type, e.Place, e.Rule, value, limit, e.Root, e.Lineage)
}

// Is finds ErrCascade and ErrRefused.
func (e CascadeError) Is(target error) bool { return target == ErrCascade || target == ErrRefused }

// As returns a copy of the error or of the RefusedError in it, or makes a pointer point to one.
func (e CascadeError) As(target any) bool {
	return copyTo(target, e) || copyTo(target, e.RefusedError)
}

// copyTo gives a caller of errors.As what the method sets of Go make look possible: a pointer to an
// error that is a value is an error too, so that asking for the one where the other was returned
// would compile, and find nothing.
func copyTo[E error](target any, e E) bool {
	switch target := target.(type) {
	case *E:
		*target = e
	case **E:
		*target = &e
	default:
		return false
	}
	return true
}
