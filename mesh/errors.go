package mesh

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/internal/leaf"
)

// Errors of Emit. A RefusedError wraps the reason it names.
var (
	// ErrNoNode: the context belongs to no node. Use [Node.Context] for root
	// events, and the handler's own context in a handler.
	ErrNoNode = errors.New("mesh: the context belongs to no node")
	// ErrClosed: the node is closing or closed.
	ErrClosed = errors.New("mesh: the node is closed")
	// ErrRefused: the event was not admitted. errors.As with *RefusedError tells why.
	ErrRefused = errors.New("mesh: event refused")
	// ErrHandlerReturned: a handler's context was used to emit after the handler
	// had returned.
	ErrHandlerReturned = errors.New("mesh: emit after the handler returned")
)

// ErrUnrelayable is what [Node.Relay] returns, with the reason, for a staged event
// that is damaged or was staged by another node: it would fail each time.
var ErrUnrelayable = errors.New("mesh: staged event can not be relayed")

// ErrNotExported is what [Node.Ready] returns, with the peer and the type, when a
// peer does not export what this node imports.
var ErrNotExported = leaf.ErrNotExported

// Errors inside a DeadLetter or a log line.
var (
	// ErrMutated: in the codec check, a handler changed the value it was given.
	ErrMutated = errors.New("mesh: handler changed its event")
	// ErrNotWireSafe: in the codec check, a value came back different from the codec;
	// or a value that is to be staged can not be encoded.
	ErrNotWireSafe = errors.New("mesh: event does not survive the wire")
)

// RefusedError says which rule refused an event, and where. errors.Is finds
// ErrRefused in it, and the cause if it has one.
type RefusedError struct {
	Type  string // the event's subject
	Place string // "emit", "handler score/count", "export"
	Rule  string // "emit-limit", "queue-full", …
	Cause error  // nil, or what ended the wait
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

// PanicError is what a handler panicked with.
type PanicError struct {
	Value any
	Stack []byte
}

// Error gives the panic's value; the stack is in the field.
func (e *PanicError) Error() string { return fmt.Sprintf("mesh: handler panicked: %v", e.Value) }

// Unwrap gives what the handler panicked with, if that is an error: a refusal of the
// cascade guard is final also when it is thrown.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// endOf is why a context ended: ctx.Err, with its cause if it has one of its
// own, so that errors.Is finds both.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || cause == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
