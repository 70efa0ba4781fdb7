package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxBatch is how many events are on their way into the outbox together at most.
const maxBatch = 512

// batch is events from outside of the handlers on their way in. Those of durable
// exports are stored side by side, in order; each is delivered when it and all
// before it are stored.
type batch[T any] struct {
	node    *Node
	entries []entry[T]
	// inOrder says that no event may enter after one that did not.
	inOrder bool
	stop    error                      // why that one did not
	done    func(index int, err error) // told of each, in order
}

// entry is an event that has a place in each queue that takes it.
type entry[T any] struct {
	index  int
	route  *typedRoute[T]
	header Header
	value  T
	hash   uint64
	shed   uint64
	late   int64 // nanoseconds since it was staged
	sent   sent  // of a durable export
}

// add takes an event in, and waits for full queues until ctx ends. It lets the
// batch go first when it would wait: the places held may be those it waits for.
func (b *batch[T]) add(ctx context.Context, e entry[T]) error {
	r := e.route
	var message storedEvent
	var err error
	if r.durable {
		if message, err = r.encodeValue(&e.header, e.value); err != nil {
			return err
		}
	}
	e.hash = r.hash(e.header.Key)
	if e.shed, _, err = tryReserveAll(r.targets, e.hash, false); err != nil {
		b.flush(ctx)
		if b.stop != nil {
			return b.stop
		}
		if e.shed, err = reserveAll(ctx, r.targets, e.hash, false); err != nil {
			return err
		}
	}
	// Asked with the places taken: Close sees them, or this sees Close.
	if b.node.closing.Load() {
		releaseAll(r.targets, e.hash, e.shed)
		return r.closedError()
	}
	if r.durable {
		e.sent = b.node.send(ctx, message)
	}
	b.entries = append(b.entries, e)
	if len(b.entries) >= maxBatch {
		b.finish(ctx, maxBatch/2) // the outbox works on the others
	}
	return nil
}

// flush waits until all that is in the batch is stored, and delivers it.
func (b *batch[T]) flush(ctx context.Context) { b.finish(ctx, len(b.entries)) }

// finish is flush of the first so many.
func (b *batch[T]) finish(ctx context.Context, count int) {
	for i := range count {
		e, err := &b.entries[i], b.stop
		if e.route.durable {
			err = errors.Join(b.stop, e.sent.wait(ctx))
		}
		if err != nil {
			releaseAll(e.route.targets, e.hash, e.shed)
			if b.inOrder {
				b.stop = err
			}
		} else {
			e.header.AddWait(e.late)
			e.route.deliver(&e.header, e.hash, &e.value, e.shed)
		}
		b.done(e.index, err)
	}
	b.entries = slices.Delete(b.entries, 0, count)
}

// enterDurable stores an event and gives it to all who take it: a batch of one.
func (r *typedRoute[T]) enterDurable(ctx context.Context, h *Header, value *T) (err error) {
	b := batch[T]{node: r.node, done: func(_ int, e error) { err = e }}
	if err := b.add(ctx, entry[T]{route: r, header: *h, value: *value}); err != nil {
		return err
	}
	b.flush(ctx)
	return err
}

// ValueError says which of the values given to EmitAll was not emitted, and why.
type ValueError struct {
	Index int
	Err   error // as Emit would have returned it
}

// Error names the place of the value.
func (e *ValueError) Error() string { return fmt.Sprintf("value %d: %v", e.Index, e.Err) }

// Unwrap gives the error that Emit would have returned.
func (e *ValueError) Unwrap() error { return e.Err }

// EmitAll emits values in order, each as [Event.Emit] does and each by itself: one
// that is refused holds up no other. Root events of a durable export are stored side
// by side, so that a batch does not cost a round trip each. It returns when
// all were emitted or not; the error joins a *ValueError for each that was not, in their
// order.
func (e *Event[T]) EmitAll(ctx context.Context, values []T) error {
	errs := make([]error, len(values)) // what is refused at once is noted before what is under way
	note := func(index int, err error) {
		if err != nil {
			errs[index] = &ValueError{Index: index, Err: err}
		}
	}
	b := batch[T]{done: note}
	flush := func() { // what is in the batch holds places: it waits for no rule
		if len(b.entries) > 0 {
			b.flush(ctx)
		}
	}
	for i, value := range values {
		o := offer[T]{value: value, beforeWait: flush}
		v, err := e.offer(ctx, &o)
		if err == nil && v.shed == nil && v.coalesce == nil && o.turn == nil && o.route.durable {
			b.node = o.route.node
			err = b.add(ctx, entry[T]{index: i, route: o.route, header: o.route.rootHeader(o.event.key, o.now), value: value})
		} else if err == nil {
			err = e.take(ctx, &o, v)
		}
		note(i, err)
	}
	flush()
	return errors.Join(errs...)
}
