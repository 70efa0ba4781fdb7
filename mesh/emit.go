package mesh

import (
	"context"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Emit puts an event into the node that ctx belongs to.
//
// With the context of a handler the event joins the handler's cascade: it is checked now and takes
// effect when the handler returns nil. With [NewRoot] it begins a cascade instead. With one of
// [Node.Context] it begins a cascade and takes effect before Emit returns; it then waits while a
// queue is full, until ctx ends.
//
// Emit returns nil when the event is admitted (or dropped by a rule that sheds, which is counted).
// Otherwise nobody gets it, and the error is a RefusedError, stats.ErrClosed, ErrNoNode or
// ErrHandlerReturned. An event of an exported type is refused with ErrNotWireSafe if its value
// cannot travel, or with ErrTooLarge if its message would be larger than max_payload, whether
// somebody reads it or not. It is encoded here, unless nobody does and a look at the value is
// enough to know. Events of other types are not encoded: only the codec check refuses those with
// ErrNotWireSafe. A type of another service than the node's is refused with ErrNotOwner. The value
// must not be changed afterwards.
func (e *Event[T]) Emit(ctx context.Context, value T) error {
	var o offer
	r, v, err := e.offer(ctx, &o, &value)
	if err != nil {
		return err
	}
	return r.take(ctx, &o, v, &value)
}

// take does with an event what the gate said.
func (r *typedRoute[T]) take(ctx context.Context, o *offer, v rules.Verdict, value *T) error {
	switch {
	case v.Shed != nil:
		return nil
	case v.Keep != nil:
		kept := *value
		_, err := o.coalesce(ctx, &postponed{route: &r.route, to: r, rule: v.Keep, event: o.event, value: &kept, payload: o.payload})
		return err
	case o.turn != nil:
		p := r.pend(value, o.payload)
		err := o.turn.desk.hold(o, &p.arrival, p)
		if err != nil {
			p.recycle()
		} else {
			r.flow.tracer.begins(ctx, &p.item.Header)
		}
		return err
	}
	_, err := r.enter(ctx, o, value)
	return err
}

// offer is an event that is shown to the gate, and what is found out about it.
type offer struct {
	staged bool
	turn   *turn    // nil: a root event
	now    int64    // as of the node's clock
	id     cause.ID // that the emitter chose; zero: none
	event  rules.Event
	// payload is the value's, of an event that is staged, or exported and read. No other is
	// encoded.
	payload delivery.Payload
	// without are the takers that do not get the event, as a set of bits: an export that nobody
	// reads.
	without uint64
}

// offer asks the gate about an event that is emitted or staged. The guard comes before the limits,
// so that a storm does not use up what others need, and before all that costs more.
func (e *Event[T]) offer(ctx context.Context, o *offer, value *T) (r *typedRoute[T], v rules.Verdict, err error) {
	from := sourceOf(ctx)
	if from.flow == nil {
		return nil, rules.Passed, ErrNoNode
	}
	if r, err = routeOf(from.flow, e); err != nil {
		return nil, rules.Passed, err
	}
	if err = o.begin(&r.route, &from, e.loops); err != nil {
		return nil, rules.Passed, err
	}
	o.event.Key = e.keyOf(*value)
	var checked any
	if from.flow.config.CodecCheck {
		given := *value // or the value would escape to the heap, whether it is checked or not
		checked = &given
	}
	v, err = o.admit(ctx, &r.route, checked)
	if waited := o.event.Waited(); waited > 0 && o.turn != nil {
		o.turn.waited(waited)
	}
	if err != nil || v.Shed != nil || !r.exported && !o.staged {
		return r, v, err
	}
	if v == rules.Passed && !o.staged && r.isUnheard(value) {
		o.without = r.typed.Exit()
		return r, v, nil
	}
	given := *value // it escapes, and what is not encoded must not
	return r, v, o.encode(&r.route, &given)
}

// begin asks the guard.
func (o *offer) begin(r *route, from *source, allowance int) error {
	if from.foreign != nil {
		o.event.Path, o.event.At = r.root, r.flow.clock.Wall()
		return r.refuse(&o.event, stats.ForeignTurn, steps.Refuse(r.Subject, atEmit, stats.ForeignTurn,
			fmt.Errorf("%w: node %s is to emit it, and a handler of node %s is its cause", stats.ErrForeignTurn, r.flow.name, from.foreign.name)))
	}
	o.turn = from.turn
	o.event.Handled, o.event.Promised = from.turn != nil, o.staged || r.durable
	if from.turn == nil || from.root {
		o.now = r.flow.clock.Now()
		o.event.Path, o.event.At = r.root, r.flow.clock.Stamp(o.now)
		return nil
	}
	return from.turn.admit(r.eventType, allowance, o)
}

// admit asks the rules of emitting, and those of the export that refuse: the others wait or shed
// behind the export's own queue. The event's key is known. checked points to the value in the codec
// check, else it is nil.
func (o *offer) admit(ctx context.Context, r *route, checked any) (rules.Verdict, error) {
	if r.wired || o.staged {
		if why := wire.CheckKey(o.event.Key); why != nil {
			return rules.Passed, r.refuse(&o.event, stats.BadKey, steps.Refuse(r.Subject, atEmit, stats.BadKey, why))
		}
	}
	if checked != nil {
		if err := wire.Survives(checked); err != nil {
			return rules.Passed, r.notEncoded(&o.event, err)
		}
	}
	inForce := r.rules.Load()
	v, err := rules.Admit(ctx, inForce.Emit, &o.event, o.now)
	if v != rules.Passed || err != nil {
		return v, err
	}
	v, err = rules.Admit(ctx, inForce.ExportRefuse, &o.event, o.now)
	if v != rules.Passed || err != nil || !r.durable {
		return v, err
	}
	return rules.Admit(ctx, inForce.Export, &o.event, o.now) // of a durable export nothing waits behind Emit
}

// coalesce gives an event to the rule that coalesces it, inside a handler when that returns nil. It
// returns the id of an event from outside.
func (o *offer) coalesce(ctx context.Context, c *postponed) (cause.ID, error) {
	c.event.BeforeWait = nil
	if o.turn != nil {
		err := o.turn.desk.coalesce(o, c)
		if err == nil {
			c.flow.tracer.begins(ctx, &c.header)
		}
		return cause.ID{}, err
	}
	if c.flow.life.closing.Load() {
		return cause.ID{}, stats.ErrClosed
	}
	c.header = cause.NewRoot(c.event.Path, c.event.Key, c.event.At)
	c.flow.tracer.begins(ctx, &c.header)
	c.rule.Keep(&c.event, c)
	return c.header.ID, nil
}
