package mesh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"leafmesh/mesh/internal/wire"
)

// handlerWorker runs one handler for the events of one queue, one at a time.
type handlerWorker[T any] struct {
	node    *Node
	queue   *queue[T]
	name    string
	handle  func(context.Context, T) error
	options handlerOptions
	stage   *stage
	breaker *breaker // nil: none
}

// process handles one event: tries, and in the end a result that is counted. It
// says false for one that would overtake another.
func (w *handlerWorker[T]) process(it *item[T]) bool {
	rules := it.tally.rules.Load()
	switch {
	case w.queue.overtakes(it):
		return false
	case rules != nil:
		w.processLimited(it, rules)
	default:
		w.processFreely(it)
	}
	return true
}

// processLimited is process if the rules let the event pass.
func (w *handlerWorker[T]) processLimited(it *item[T], rules *handlerRules) {
	event := limitedBy(&it.header)
	event.keptBy, event.promised = it.keptBy, it.handover != nil
	if !w.admit(it, &event, after(rules.rates, it.keptBy)) {
		return
	}
	begun := 0
	defer func() { endCalls(rules.calls[:begun], &event) }() // also if the handler ends its goroutine
	for ; begun < len(rules.calls); begun++ {
		if !w.admit(it, &event, rules.calls[begun:begun+1]) {
			return
		}
	}
	w.processFreely(it)
}

// admit asks rules of the handler. What they refuse is given up, and what they
// coalesce is kept.
func (w *handlerWorker[T]) admit(it *item[T], event *limited, limits []*limit) bool {
	v, err := admitAll(w.node.handling, limits, event, w.node.clock.now())
	if err != nil {
		w.giveUp(it, 0, err)
	} else if v.coalesce != nil {
		keepItem(v.coalesce, w.queue, it)
	}
	return v == passed && err == nil
}

func (w *handlerWorker[T]) processFreely(it *item[T]) {
	if d := it.handover; d != nil { // or a slow handler's queue would use up the deadline of what it handles
		it.header.AddWait(w.node.clock.now() - d.taken)
	}
	if w.breaker == nil {
		_ = w.try(it) // counted, and made a dead letter
		return
	}
	done, err := w.breaker.Allow()
	if err != nil {
		it.tally.lose(it.tally.broken, it.handover, err)
		return
	}
	err = errGoexit // unless try returns
	defer func() { done(err) }()
	err = w.try(it)
}

// try handles one event, and gives the error if it was given up.
func (w *handlerWorker[T]) try(it *item[T]) error {
	for try := 1; ; try++ {
		if w.node.handling.Err() != nil { // the node gave up waiting
			it.tally.lose(it.tally.lost, it.handover, ErrClosed)
			return nil
		}
		err := w.call(it, try)
		if err == nil {
			it.tally.handled.Add(1)
			return nil
		}
		if try >= w.options.tries || final(err) {
			w.giveUp(it, try, err)
			return err
		}
		if refused := w.node.chargeRetry(&it.header, "handler "+w.name); refused != nil {
			w.giveUp(it, try, errors.Join(err, refused))
			return err
		}
		it.tally.retried.Add(1)
		sleep(w.node.handling, w.options.backoff.delay(try))
	}
}

// final reports whether an error of a handler is not to be tried again.
func final(err error) bool { return isOneOf(err, ErrCascade) }

// notStored reports whether an error of a handler is the outbox's.
func notStored(err error) bool { return isOneOf(err, ErrOutboxFull, ErrOutboxDisk, ErrUncertain) }

// isOneOf is errors.Is for errors of others, which may panic when they are asked, as a
// nil pointer in an error does.
func isOneOf(err error, targets ...error) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// call runs the handler once, and lets what it emitted take effect or not. A
// panic becomes an error. A handler that ends its goroutine (runtime.Goexit, or
// t.Fatal in a test) is given up at once: nothing after the call runs any more,
// and the consumer goes on with another goroutine.
func (w *handlerWorker[T]) call(it *item[T], try int) (err error) {
	returned := false
	defer func() {
		p := recover()
		if p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
		if stored := w.stage.end(returned && err == nil); stored != nil {
			err = stored
		}
		if !returned && p == nil {
			w.giveUp(it, try, errGoexit)
		}
	}()
	turn := w.stage.begin(&it.header, it.tally)
	if w.node.codecCheck {
		err = w.handleChecked(turn, it.value)
	} else {
		err = w.handle(turn, it.value)
	}
	returned = true
	return err
}

var errGoexit = errors.New("the handler ended its goroutine")

// handleChecked also fails if the handler changed what the value refers to.
func (w *handlerWorker[T]) handleChecked(turn *turn, value T) error {
	before, err := wire.AppendPayload(nil, value)
	if err != nil {
		before = nil // it can not be encoded: nothing to compare
	}
	if err := w.handle(turn, value); err != nil {
		return err
	}
	if after, err := wire.AppendPayload(nil, value); err == nil && !bytes.Equal(before, after) {
		return fmt.Errorf("%w: handler %s, %s", ErrMutated, w.name, w.stage.header.Subject())
	}
	return nil
}
