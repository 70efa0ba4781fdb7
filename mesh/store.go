package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/wire"
)

// Errors of storing an event of a durable export.
var (
	// ErrOutboxFull: the outbox is at one of its bounds. Nothing was stored.
	ErrOutboxFull = outbox.ErrFull
	// ErrOutboxDisk: the outbox can not write, as on a full disk. Nothing was stored.
	ErrOutboxDisk = outbox.ErrDisk
	// ErrUncertain: the outbox gave no answer in time. The event may be stored
	// nevertheless; it was not handled on this node.
	ErrUncertain = outbox.ErrUncertain
)

// The rules that a durable export is refused by.
const (
	ruleOutboxFull = "outbox-full"
	ruleOutboxDisk = "outbox-disk"
	ruleUncertain  = "outbox-uncertain"
)

// storedEvent is an encoded event on its way into the outbox.
type storedEvent struct {
	eventType *eventType
	id        ID
	subject   string // on the wire
	message   []byte
}

// encodeStored makes the message of an event for the outbox.
func (t *eventType) encodeStored(h *Header, payload []byte) (storedEvent, error) {
	message, err := appendEnvelope(nil, h, h.path.AppendSteps(nil), payload)
	if err != nil {
		return storedEvent{}, t.refuseStored(ruleNotWireSafe, err)
	}
	if most := t.node.config.MaxPayload; len(message) > most {
		return storedEvent{}, t.refuseStored(ruleOversize, fmt.Errorf("it has %d bytes, at most %d are allowed (max_payload)", len(message), most))
	}
	subject := string(wire.AppendSubject(nil, t.subject, h.Key))
	return storedEvent{eventType: t, id: h.ID, subject: subject, message: message}, nil
}

func (t *eventType) refuseStored(rule string, cause error) error {
	t.node.counters.cell(t.subject, Refused, "outbox", rule).Add(1)
	return &RefusedError{Type: t.subject, Place: "outbox", Rule: rule, Cause: cause}
}

// storeRoot puts a root event into the outbox, and returns when it is there.
func (r *typedRoute[T]) storeRoot(ctx context.Context, h *Header, value *T) error {
	payload, err := wire.AppendPayload(nil, *value)
	if err != nil {
		return r.refuseStored(ruleNotWireSafe, err)
	}
	event, err := r.encodeStored(h, payload)
	if err != nil {
		return err
	}
	return r.node.store(ctx, []storedEvent{event})
}

// storedChildLocked encodes an event that the turn's handler emits, for the
// outbox. Its id follows from what is emitted: see childID.
func (s *stage) storedChildLocked(t *eventType, h *Header, value any) (storedEvent, error) {
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		return storedEvent{}, t.refuseStored(ruleNotWireSafe, err)
	}
	child := *h
	for copies := 0; ; copies++ {
		child.ID = childID(s.header.ID, s.source.place, t.subject, h.Key, payload, copies)
		if !slices.ContainsFunc(s.stored, func(e storedEvent) bool { return e.id == child.ID }) {
			return t.encodeStored(&child, payload)
		}
	}
}

// store puts events into the outbox, in order and pipelined, and returns when all
// are there, or an error if one is not.
func (n *Node) store(ctx context.Context, events []storedEvent) error {
	pending := make([]*outbox.Pending, len(events))
	var errs []error
	for i, e := range events {
		var err error
		if pending[i], err = n.outbox.Store(ctx, e.subject, e.id, e.message); err != nil {
			errs = append(errs, e.eventType.notStored(err))
		}
	}
	for i, e := range events {
		if pending[i] == nil {
			continue
		}
		if err := pending[i].Wait(ctx); err != nil {
			errs = append(errs, e.eventType.notStored(err))
			continue
		}
		e.eventType.stored.Add(1)
	}
	return errors.Join(errs...)
}

// notStored counts and names why an event is not in the outbox.
func (t *eventType) notStored(err error) error {
	switch {
	case errors.Is(err, ErrOutboxFull):
		return t.refuseStored(ruleOutboxFull, err)
	case errors.Is(err, ErrOutboxDisk):
		return t.refuseStored(ruleOutboxDisk, err)
	default:
		return t.refuseStored(ruleUncertain, err)
	}
}
