package mesh

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"

	"leafmesh/mesh/internal/wire"
)

// handlerWorker runs one handler for the events of one queue, one at a time.
type handlerWorker[T any] struct {
	node    *Node
	name    string
	handle  func(context.Context, T) error
	options handlerOptions
	turn    *turn
}

// process handles one event: tries, and in the end a result that is counted.
func (w *handlerWorker[T]) process(it *item[T]) {
	for try := 1; ; try++ {
		if w.node.handling.Err() != nil { // the node gave up waiting
			it.tally.lost.Add(1)
			return
		}
		w.turn = w.turn.begin(&it.header)
		err := w.call(it.value)
		w.turn.end(err == nil)
		if err == nil {
			it.tally.handled.Add(1)
			return
		}
		if try >= w.options.tries {
			w.giveUp(it, try, err)
			return
		}
		it.tally.retried.Add(1)
		sleep(w.node.handling, w.options.backoff.delay(try))
	}
}

// call runs the handler. A panic becomes an error.
func (w *handlerWorker[T]) call(value T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	if w.node.codecCheck {
		return w.callChecked(value)
	}
	return w.handle(w.turn, value)
}

// callChecked also fails if the handler changed what the value refers to.
func (w *handlerWorker[T]) callChecked(value T) error {
	before, err := wire.AppendPayload(nil, value)
	if err != nil {
		before = nil // an Any: nothing to compare
	}
	if err := w.handle(w.turn, value); err != nil {
		return err
	}
	if after, err := wire.AppendPayload(nil, value); err == nil && !bytes.Equal(before, after) {
		return fmt.Errorf("%w: handler %s, %s", ErrMutated, w.name, w.turn.header.Subject())
	}
	return nil
}
