package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
)

// ErrMutated is in a DeadLetter or a log line: in the codec check, a handler changed the value it
// was given.
var ErrMutated = errors.New("mesh: handler changed its event")

// PanicError is what a handler panicked with.
type PanicError struct {
	Value any
	Stack []byte
	// Place is the line that panicked, "clue.go:41"; "" if it is not known.
	Place string
}

// Error returns the place and the panic's value; the stack is in the field.
func (e *PanicError) Error() string {
	if e.Place == "" {
		return fmt.Sprintf("mesh: handler panicked: %v", e.Value)
	}
	return fmt.Sprintf("mesh: handler panicked at %s: %v", e.Place, e.Value)
}

// Unwrap returns what the handler panicked with, if that is an error: a refusal of the cascade
// guard is final also when it is thrown.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// placeOfPanic is the line that panicked. It is for a function that has just recovered: the frames
// of the panic lie below its own, those of the runtime first.
func placeOfPanic() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for begun := false; ; {
		frame, more := frames.Next()
		inRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if begun && !inRuntime {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
		begun = begun || frame.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}

// caller calls one handler for the events of one queue, one at a time.
type caller struct {
	*handler
	flow  *flow
	place steps.Place
	desk  *desk
}

// bind makes the handler's consumer on a node.
func (h *handler) bind(f *flow) boundHandler {
	place, breaker := steps.AtHandler(h.name), handling.NewBreaker(h.name, h.settings)
	c := h.consumer(h, func(q *queue.Core[delivery.Item], copyOf func(any) any) queue.Processor[delivery.Item] {
		return handling.New(handling.Spec{
			Handler: h.name, Settings: h.settings, Clock: f.clock, Intake: f.life.intake, Handling: f.life.handling, Breaker: breaker, Copy: copyOf, Rests: &f.rests,
		}, &caller{handler: h, flow: f, place: place, desk: newDesk(f)}, q)
	})
	f.workers.Add(c.Queues())
	return boundHandler{pattern: h.pattern, place: place, consumer: c}
}

// Call runs the handler once, and lets what it emitted take effect or not. A panic becomes an
// error. A handler that ends its goroutine (runtime.Goexit, or t.Fatal in a test) is given up at
// once: nothing after the call runs any more, and the consumer goes on with another goroutine.
func (c *caller) Call(it *delivery.Item, value any, try int) (err error) {
	returned, begun := false, it.At.Call(&it.Timing, &it.Header)
	defer func() {
		p := recover()
		if p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack(), Place: placeOfPanic()}
		}
		if stored := c.desk.end(returned && err == nil); stored != nil {
			err = stored
		}
		it.At.Called(&it.Timing, &it.Header, begun, begun != 0 && returned && err == nil && c.endsCascade(&it.Header))
		if !returned && p == nil {
			c.GiveUp(it, value, try, steps.Span{}, handling.ErrGoexit)
		}
	}()
	it.At.Begun.Note(&it.Header)
	var ctx context.Context = c.desk.begin(&it.Header, it.At.Tally)
	if d := c.settings.Timeout; d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, fmt.Errorf("handler %s runs for longer than its timeout of %v", c.name, d))
		defer cancel()
	}
	if c.flow.config.CodecCheck {
		err = c.callChecked(ctx, value)
	} else {
		err = c.call(ctx, value)
	}
	returned = true
	return err
}

// endsCascade reports whether a branch of a cascade has ended with the event. One that was a single
// event on a single node is left out: the event's wait and handling tell the same, and each type
// would cost a third histogram.
func (c *caller) endsCascade(h *cause.Header) bool {
	return (h.ID != h.Root || h.Origin() != c.flow.name) && c.desk.causedNothing()
}

// callChecked also fails if the handler changed what the value refers to.
func (c *caller) callChecked(ctx context.Context, value any) error {
	before, _ := wire.AppendPayload(nil, value) // nil: it cannot be encoded, and there is nothing to compare
	err := c.call(ctx, value)
	if after, _ := wire.AppendPayload(nil, value); err == nil && before != nil && after != nil && !bytes.Equal(before, after) {
		return fmt.Errorf("%w: handler %s, %s", ErrMutated, c.name, c.desk.header.Subject())
	}
	return err
}
