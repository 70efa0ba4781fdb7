package mesh

import (
	"errors"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// encode makes the payload of an event that is exported or staged, before anybody gets the event:
// one that no peer would get must not be handled here as if nothing were wrong. It is done after
// the rules, so that what they stop costs no encoding. value points to the value.
func (o *offer) encode(r *route, value any) error {
	payload, err := wire.EncodeFaithful(value)
	if err != nil {
		return r.notEncoded(&o.event, err)
	}
	o.payload = payload
	if !r.exported {
		return nil
	}
	return o.fit(r.eventType)
}

// isUnheard reports whether an exported event need not be encoded: nobody reads its type at this
// moment, and a look at the value says that it could be. An event that a rule keeps is for those
// who read when it goes on.
func (r *typedRoute[T]) isUnheard(value *T) bool {
	f := r.flow
	return !r.durable && r.audience.IsEmpty() && !f.ports.Tap.Open() && !r.exit.Cut.Load() &&
		r.sure.Travels(value, int(f.config.MaxPayload)-wire.RoomForEnvelope)
}

// fit refuses an event whose message would be larger than the node may send.
func (o *offer) fit(t *eventType) error {
	most := int(t.flow.config.MaxPayload)
	if len(o.payload)+wire.RoomForEnvelope <= most {
		return nil
	}
	h := o.example()
	message, err := outlet.Message(&h, o.payload)
	if err == nil && len(message) > most {
		err = fmt.Errorf("%w: its message has %d bytes, max_payload is %d", ErrTooLarge, len(message), most)
	}
	if err != nil {
		return t.notEncoded(&o.event, err)
	}
	return nil
}

// example is a header as large as the one that the event will have.
func (o *offer) example() cause.Header {
	e := &o.event
	if parent, _, ok := o.turn.present(); ok {
		return parent.Effect(e.Path, e.Key, e.At, e.Age)
	}
	return cause.NewRoot(e.Path, e.Key, e.At)
}

// notEncoded counts an event that cannot leave the node, and returns the error, which names its
// key.
func (t *eventType) notEncoded(e *rules.Event, why error) error {
	rule, why := unencodable(why)
	return t.refuse(e, rule, steps.Refuse(t.Subject, atEmit, rule, fmt.Errorf("key %.80q: %w", e.Key, why)))
}

// unencodable is the rule that an event which cannot be encoded is stopped by, and the error.
func unencodable(why error) (rule string, err error) {
	if errors.Is(why, ErrTooLarge) {
		return stats.PayloadSize, why
	}
	return stats.NotWireSafe, fmt.Errorf("%w: %w", ErrNotWireSafe, why)
}
