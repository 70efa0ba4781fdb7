package mesh

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/internal/registry"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
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
	// Rule is the one that coalesced, shed or refused it.
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
// emitted in Go.
func (f *flow) emitRequested(ctx context.Context, wireSubject string, payload []byte) (Reply, error) {
	var value Any
	r, key, err := f.requested(wireSubject, payload, &value)
	if err != nil {
		return Reply{}, err
	}
	now := f.clock.Now()
	o := offer{now: now, event: rules.Event{Key: key, Path: r.root, Promised: r.durable, At: f.clock.Stamp(now)}}
	v, err := o.admit(ctx, &r.route, nil)
	if err == nil && v.Shed == nil && r.exported {
		o.payload, err = value.content.Payload()
		err = errors.Join(err, o.fit(r.eventType))
	}
	switch {
	case err != nil:
		return Reply{}, err
	case v.Shed != nil:
		return Reply{Verdict: "shed", Rule: v.Shed.Name()}, nil
	case v.Keep != nil:
		id, err := o.coalesce(ctx, &postponed{route: &r.route, to: r, rule: v.Keep, event: o.event, value: &value, payload: o.payload})
		return Reply{Verdict: "coalesced", ID: id[:], Rule: v.Keep.Name()}, err
	}
	id, err := r.enter(ctx, &o, &value)
	return Reply{Verdict: "admitted", ID: id[:]}, err
}

var atTap = steps.At(steps.Tap)

// requested checks what a client wants to emit, before the gate is asked: a type of this node's
// service, a value that each of its handlers can decode, and the key that the value has. With
// another key a client could slip through the limits by key.
func (f *flow) requested(wireSubject string, payload []byte, value *Any) (r *typedRoute[Any], key string, err error) {
	subject, key, err := wire.SplitSubject(wireSubject)
	if err != nil {
		return nil, "", f.refuseRequest(unknownType, stats.Malformed, err)
	}
	if err := f.foreignTo(subject, atTap); err != nil {
		return nil, "", f.passRequestRefused(subject, stats.NotOwner, err)
	}
	if r, err = f.encodedRoute(subject); errors.Is(err, errUnknownType) {
		return nil, "", f.refuseRequest(subject, stats.UnknownType, err)
	} else if err != nil {
		return nil, "", err
	}
	if err := wire.DecodePayload(payload, value); err != nil {
		return nil, "", f.refuseRequest(subject, stats.Malformed, err)
	}
	for _, taker := range r.handlers.Takers {
		if err := taker.Check(value.content); err != nil {
			return nil, "", f.refuseRequest(subject, stats.Malformed, fmt.Errorf("%s: %w", taker.Place, err))
		}
	}
	if rule, err := registry.CheckKey(subject, key, payload); err != nil {
		return nil, "", f.refuseRequest(subject, rule, err)
	}
	return r, key, nil
}

// refuseRequest refuses an emit by request, for a reason.
func (f *flow) refuseRequest(subject, rule string, why error) error {
	return f.passRequestRefused(subject, rule, steps.Refuse(subject, atTap, rule, why))
}

// passRequestRefused counts an emit by request that is refused, and logs it: the client may not ask
// for a reply.
func (f *flow) passRequestRefused(subject, rule string, err error) error {
	if f.table.Load().types[subject] == nil {
		subject = unknownType
	}
	f.trace.Point(steps.Step{Type: subject, Outcome: stats.Refused, Place: atTap, Rule: rule}).PassUnknown(1, err)
	f.log.Warn("emit by request refused", "error", err)
	return err
}
