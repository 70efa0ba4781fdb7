package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/wire"
)

// ErrUnrelayable is what [Node.Relay] returns, with the reason, for a staged event that fails each
// time as things stand: one that is damaged, was staged by another node, is of a type that is not
// the node's (it is ErrNotOwner too), or is exported and larger than max_payload (ErrTooLarge).
var ErrUnrelayable = errors.New("mesh: staged event cannot be relayed")

// Relay lets staged events take effect as if they were emitted now, one after the other: handlers
// of this node get them, clients at the tap, and the links if the type is exported. The gate is not
// asked again, as it has admitted them; rules at an export, at an import of a peer and at handlers
// act as always. An event keeps the id and the time with which it was staged.
//
// Events of durable exports are stored first, many at a time: behind one that the outbox refuses
// others may be stored already, and come before it. Relay waits while a queue is full, until ctx
// ends. It returns how many events, counted from the first, were taken; an error is about the next
// one. Events that are relayed again are delivered again, under their id. The errors are
// ErrUnrelayable, ErrClosed, and a RefusedError for a wait that ctx ended.
//
// Events keep their order if one goroutine relays them; beside those that are emitted directly they
// have none. Relay must not be called in a handler: it would wait for a queue that the handler may
// have to empty. It does not keep the messages.
func (f *flow) Relay(ctx context.Context, events ...Staged) (relayed int, err error) {
	var envelope wire.Envelope // used again for each message
	b := batch{flow: f, inOrder: true}
	b.done = func(_ int, e error) {
		if e == nil {
			relayed++
		} else if err == nil {
			err = e
		}
	}
	b.beforeWait = func() { b.flush(ctx) }
	for i := 0; i < len(events) && err == nil; i++ {
		if problem := f.relay(ctx, &b, &events[i], &envelope); problem != nil {
			b.flush(ctx)
			err = cmp.Or(err, problem)
		}
	}
	b.flush(ctx)
	if err != nil {
		return relayed, fmt.Errorf("mesh: relay event %s: %w", events[relayed].ID, err)
	}
	return relayed, nil
}

// AddBacklog tells the node of events that are staged for it and wait to be relayed: count counts
// them, and [Node.Backlog] asks it. transact.Relay does it. It may be called at any time.
func (f *flow) AddBacklog(count func(context.Context) (int, error)) { f.backlogs.Store(&count, true) }

// Backlog counts the staged events that wait to be relayed to the node, as far as it was told of
// them. It asks their databases.
func (f *flow) Backlog(ctx context.Context) (waiting int, err error) {
	for count := range f.backlogs.Range {
		n, err := (*count.(*func(context.Context) (int, error)))(ctx)
		if err != nil {
			return 0, fmt.Errorf("mesh: count what waits to be relayed to node %s: %w", f.name, err)
		}
		waiting += n
	}
	return waiting, nil
}

// relay gives one event to the batch.
func (f *flow) relay(ctx context.Context, b *batch, s *Staged, e *wire.Envelope) error {
	if err := wire.DecodeStored(s.Message, e); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	if cause.ID(e.ID) != s.ID {
		return fmt.Errorf("%w: its message is that of event %s", ErrUnrelayable, cause.ID(e.ID))
	}
	if origin := string(e.Origin()); origin != f.name {
		return fmt.Errorf("%w: node %s has staged it and this is node %s; was a database copied, or a node renamed?", ErrUnrelayable, origin, f.name)
	}
	var value Any
	if err := wire.DecodePayload(e.Payload, &value); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	subject := string(e.Subject())
	if err := f.foreignTo(subject, atEmit); err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	if _, err := f.typeOf(subject); err != nil { // it may be one that the node has not seen since it was opened
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	r, err := f.encodedRoute(subject)
	if err != nil {
		return err
	}
	if most := int(f.config.MaxPayload); r.exported && len(s.Message) > most { // it was staged when more was allowed
		return fmt.Errorf("%w: %w: its message has %d bytes, max_payload is %d; raise it, on all nodes", ErrUnrelayable, wire.ErrTooLarge, len(s.Message), most)
	}
	payload, err := value.Payload() // a copy: the message is the caller's
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnrelayable, err)
	}
	p := r.pend(&value, payload)
	p.item.Header = inlet.HeaderOf(e, f.treeOf(e.Path))
	err = b.add(ctx, entry{arrival: &p.arrival, held: p})
	if err != nil {
		p.recycle()
	}
	return err
}
