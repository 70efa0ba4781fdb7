package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/rules"
)

// maxBatch is how many events are on their way into the outbox together at most.
const maxBatch = 512

// batch is events from outside of the handlers on their way in. Those of durable exports are stored
// side by side, in order; each is delivered when it and all before it are stored.
type batch struct {
	flow    *flow
	entries []entry
	// inOrder says that no event may enter after one that did not.
	inOrder bool
	stop    error // why that one did not
	// beforeWait flushes the batch. A batch of one has none.
	beforeWait func()
	done       func(index int, err error) // told of each, in order
}

// entry is an event that has a place in each queue that takes it.
type entry struct {
	*arrival
	held
	index  int
	stored outlet.Stored // of a durable export
}

// add takes an event in, and waits for full queues until ctx ends. It lets the batch go first when
// it would wait: the places held may be those it waits for.
func (b *batch) add(ctx context.Context, e entry) (err error) {
	if e.durable {
		if e.stored, err = b.flow.kept.Seal(e.Type, &e.item.Header, e.payload); err != nil {
			return err
		}
	}
	event := rules.Of(&e.item.Header)
	event.BeforeWait = b.beforeWait
	e.hash = e.targets.Hash(event.Key)
	if e.shed, err = e.reserve(ctx, &event, e.hash, 0); err != nil {
		return err
	}
	if b.stop != nil {
		e.targets.Release(e.hash, e.shed)
		return b.stop
	}
	if e.durable {
		e.stored = b.flow.kept.Send(ctx, e.stored)
	}
	b.entries = append(b.entries, e)
	if len(b.entries) >= maxBatch {
		b.finish(ctx, maxBatch/2) // the outbox works on the others
	}
	return nil
}

// flush waits until all that is in the batch is stored, and delivers it.
func (b *batch) flush(ctx context.Context) { b.finish(ctx, len(b.entries)) }

// finish is flush of the first so many.
func (b *batch) finish(ctx context.Context, count int) {
	for i := range count {
		e, err := &b.entries[i], b.stop
		if e.durable {
			err = errors.Join(b.stop, b.flow.kept.Await(context.WithoutCancel(ctx), e.stored))
		}
		if err != nil {
			e.discard()
			if b.inOrder {
				b.stop = err
			}
		} else {
			e.commit()
		}
		b.done(e.index, err)
	}
	b.entries = slices.Delete(b.entries, 0, count)
}

// enterDurable stores an event and gives it to all who take it: a batch of one.
func (r *typedRoute[T]) enterDurable(ctx context.Context, o *offer, value *T) (id cause.ID, err error) {
	b := batch{flow: r.flow, done: func(_ int, e error) { err = e }}
	o.id, _ = ctx.Value(idKey{}).(cause.ID)
	if id, err = r.addTo(ctx, &b, 0, o, value); err != nil {
		return id, err
	}
	b.flush(ctx)
	return id, err
}

// addTo adds a root event to a batch.
func (r *typedRoute[T]) addTo(ctx context.Context, b *batch, index int, o *offer, value *T) (cause.ID, error) {
	p := r.pend(value, o.payload)
	p.item.Header = cause.NewRoot(r.root, o.event.Key, o.event.At)
	if !o.id.IsZero() {
		p.item.Header.Rename(o.id)
	}
	id := p.item.Header.ID
	r.flow.tracer.begins(ctx, &p.item.Header)
	err := b.add(ctx, entry{arrival: &p.arrival, held: p, index: index})
	if err != nil {
		p.recycle()
	}
	return id, err
}

// ValueError says which of the values given to EmitAll was not emitted, and why.
type ValueError struct {
	Index int
	Err   error // as Emit would have returned it
}

// Error names the place of the value.
func (e *ValueError) Error() string { return fmt.Sprintf("value %d: %v", e.Index, e.Err) }

// Unwrap returns the error that Emit would have returned.
func (e *ValueError) Unwrap() error { return e.Err }

// EmitAll emits values in order, each as [Event.Emit] does and each by itself: one that is refused
// holds up no other. Root events of a durable export are stored side by side, so that a batch does
// not cost a round trip each. It returns when all were emitted or not; the error joins a
// *ValueError for each that was not, in their order.
func (e *Event[T]) EmitAll(ctx context.Context, values []T) error {
	errs := make([]error, len(values)) // what is refused at once is noted before what is under way
	note := func(index int, err error) {
		if err != nil {
			errs[index] = &ValueError{Index: index, Err: err}
		}
	}
	b := batch{done: note}
	b.beforeWait = func() { b.flush(ctx) } // what is in the batch holds places: it waits for nothing
	for i := range values {
		o := offer{event: rules.Event{BeforeWait: b.beforeWait}}
		r, v, err := e.offer(ctx, &o, &values[i])
		if err == nil && v == rules.Passed && o.turn == nil && r.durable {
			b.flow = r.flow
			_, err = r.addTo(ctx, &b, i, &o, &values[i])
		} else if err == nil {
			err = r.take(ctx, &o, v, &values[i])
		}
		note(i, err)
	}
	b.flush(ctx)
	return errors.Join(errs...)
}
