package mesh

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Reply is the answer to an emit by request at the tap, as CBOR.
type Reply struct {
	// Verdict is "admitted", "coalesced", "shed" or "refused".
	Verdict string `cbor:"1,keyasint"`
	// ID is the event's id, when it was admitted.
	ID []byte `cbor:"2,keyasint,omitempty"`
	// Error says why not.
	Error string `cbor:"3,keyasint,omitempty"`
	// Rule is the one that coalesced, shed or refused it; none if it was refused because it is no
	// event of the node.
	Rule string `cbor:"4,keyasint,omitempty"`
}

// emitEncoded emits an event for a client at the tap: see operations.Emit.
func (f *flow) emitEncoded(ctx context.Context, wireSubject string, payload []byte) any {
	reply, err := f.emitRequested(ctx, wireSubject, payload)
	if err == nil {
		return reply
	}
	reply = Reply{Verdict: "refused", Error: err.Error()}
	if refused, ok := errors.AsType[stats.RefusedError](err); ok {
		reply.Rule = refused.Rule
	}
	return reply
}

// emitRequested puts an encoded event into the node: the same gate, handlers and export as for one
// emitted in Go. A value that some handler could not decode is refused as a whole.
func (f *flow) emitRequested(ctx context.Context, wireSubject string, payload []byte) (Reply, error) {
	subject, key, err := wire.SplitSubject(wireSubject)
	if err != nil {
		return Reply{}, err
	}
	var value Any
	if err := wire.DecodePayload(payload, &value); err != nil {
		return Reply{}, err
	}
	r, err := f.encodedRoute(subject)
	if err != nil {
		return Reply{}, err
	}
	for _, taker := range r.handlers.Takers {
		if err := taker.Check(value.content); err != nil {
			return Reply{}, fmt.Errorf("%s: %w", taker.Place, err)
		}
	}
	now := f.clock.Now()
	o := offer{now: now, event: rules.Event{Key: key, Path: r.root, Promised: r.durable, At: f.clock.Stamp(now)}}
	v, err := o.admit(ctx, &r.route, nil)
	if err == nil && v.Shed == nil && r.export != nil {
		o.payload, err = value.content.Payload()
		err = errors.Join(err, o.fit(r.eventType))
	}
	switch {
	case err != nil:
		return Reply{}, err
	case v.Shed != nil:
		return Reply{Verdict: "shed", Rule: v.Shed.Name()}, nil
	case v.Keep != nil:
		id, err := o.coalesce(&postponed{route: &r.route, to: r, rule: v.Keep, event: o.event, value: &value, payload: o.payload})
		return Reply{Verdict: "coalesced", ID: id[:], Rule: v.Keep.Name()}, err
	}
	id, err := r.enter(ctx, &o, &value)
	return Reply{Verdict: "admitted", ID: id[:]}, err
}
