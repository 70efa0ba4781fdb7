package mesh

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Staged is an event that the gate has admitted and that has not taken effect. A service writes it
// down in the SQL transaction that changes its state, and gives it to [Node.Relay] after the
// COMMIT. Package transact does both.
type Staged struct {
	ID      cause.ID // the event's
	Message []byte   // the event as on the wire, a message of its own: docs/wire.md
}

// Subject is that of the event's type; "" if the message is damaged.
func (s Staged) Subject() string {
	var e wire.Envelope
	if wire.DecodeStored(s.Message, &e) != nil {
		return ""
	}
	return string(e.Subject())
}

// Stage asks the gate about an event as [Event.Emit] does, and gives the event encoded instead of
// letting it take effect: no handler gets it, nothing leaves the node, and nothing is undone when
// the handler that staged it fails.
//
// A staged event is a fact of the caller's transaction, so no rule may drop it: a rule that sheds
// or coalesces refuses it instead. A rule that waits waits, perhaps with the transaction open; the
// end of ctx bounds that.
//
// With the context of a handler the event belongs to the handler's cascade, and its id follows from
// the handled event, the handler, and its own type, key and value: a handler that runs again for
// the same event stages the same events under the same ids, unless it puts other values into them.
// Identical events of one call are told apart by their number.
//
// The errors are those that Emit has for an exported event. ErrTooLarge is for one that is exported
// alone.
func (e *Event[T]) Stage(ctx context.Context, value T) (Staged, error) {
	o := offer{staged: true}
	r, _, err := e.offer(ctx, &o, &value)
	if err != nil {
		return Staged{}, err
	}
	if o.turn == nil && r.flow.life.closing.Load() {
		return Staged{}, r.refuse(&o.event, stats.Closed, stats.ErrClosed)
	}
	return o.stage(ctx, r.eventType)
}

// stage makes the message of an event.
func (o *offer) stage(ctx context.Context, t *eventType) (Staged, error) {
	h, err := o.header(t.Subject, o.payload)
	if err != nil {
		return Staged{}, err
	}
	message, err := outlet.Message(&h, o.payload)
	if err != nil {
		return Staged{}, t.notEncoded(&o.event, err)
	}
	t.flow.tracer.begins(ctx, &h)
	if o.turn != nil {
		o.turn.stages(t.Type)
	}
	return Staged{ID: h.ID, Message: message}, nil
}

// header makes the header of an event that is staged.
func (o *offer) header(subject string, payload []byte) (cause.Header, error) {
	if o.turn == nil {
		return cause.NewRoot(o.event.Path, o.event.Key, o.event.At), nil
	}
	d := o.turn.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.presentLocked(o.turn) {
		return cause.Header{}, ErrHandlerReturned
	}
	h := d.header.Effect(o.event.Path, o.event.Key, o.event.At, o.event.Age)
	d.identifyLocked(&h, subject, payload)
	return h, nil
}

// identifyLocked gives an event that the turn's handler emits the id that follows from what it is.
func (d *desk) identifyLocked(h *cause.Header, subject string, payload []byte) {
	h.Rename(d.children.Next(d.header.ID, d.source.Place.String(), subject, h.Key, payload))
}

// storeLocked gives an event that the turn's handler emits its id, and makes its message for the
// outbox.
func (d *desk) storeLocked(a *arrival) error {
	d.identifyLocked(&a.item.Header, a.Subject, a.payload)
	s, err := d.flow.kept.Seal(a.Type, &a.item.Header, a.payload)
	if err != nil {
		return err
	}
	d.stored = append(d.stored, s)
	return nil
}

// stages makes the node learn, when the handler returns nil, that it has emitted the event.
func (t *turn) stages(child *steps.Type) {
	d := t.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.presentLocked(t) {
		d.held = append(d.held, stagedEmit{source: d.source, child: child})
	}
}

// stagedEmit is what a turn holds of a staged event: the edge to learn.
type stagedEmit struct {
	source *steps.Tally
	child  *steps.Type
}

func (s stagedEmit) commit() { s.source.Emits(s.child) }

func (stagedEmit) discard() {}
