package mesh

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
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

// storedEvent is an encoded event on its way into the outbox.
type storedEvent struct {
	eventType *eventType
	id        ID
	subject   string // on the wire
	message   []byte
}

// encodeStored makes the message of an event for the outbox.
func (t *eventType) encodeStored(h *Header, payload []byte) (storedEvent, error) {
	message, err := appendEnvelope(nil, h, h.Lineage().AppendSteps(nil), payload)
	if err != nil {
		return storedEvent{}, t.refuseStored(stats.NotWireSafe, err)
	}
	if most := t.node.config.MaxPayload; len(message) > most {
		return storedEvent{}, t.refuseStored(stats.PayloadSize, fmt.Errorf("it has %d bytes, at most %d are allowed (max_payload)", len(message), most))
	}
	subject := string(wire.AppendSubject(nil, t.subject, h.Key))
	return storedEvent{eventType: t, id: h.ID, subject: subject, message: message}, nil
}

func (t *eventType) refuseStored(rule string, cause error) error {
	t.node.counters.cell(t.subject, stats.Refused, "outbox", rule).Add(1)
	return &RefusedError{Type: t.subject, Place: "outbox", Rule: rule, Cause: cause}
}

// encodeValue makes the message of a value for the outbox.
func (t *eventType) encodeValue(h *Header, value any) (storedEvent, error) {
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		return storedEvent{}, t.refuseStored(stats.NotWireSafe, err)
	}
	return t.encodeStored(h, payload)
}

// storedChildLocked encodes an event that the turn's handler emits, for the
// outbox, and gives it the id that follows from what is emitted: see childID.
func (s *stage) storedChildLocked(t *eventType, h *Header, value any) (storedEvent, error) {
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		return storedEvent{}, t.refuseStored(stats.NotWireSafe, err)
	}
	s.identifyLocked(h, t.subject, payload)
	return t.encodeStored(h, payload)
}

// store puts events into the outbox, in order and side by side, and returns when
// all are there, or an error if one is not.
func (n *Node) store(ctx context.Context, events []storedEvent) error {
	all, errs := make([]sent, len(events)), make([]error, len(events))
	for i, e := range events {
		all[i] = n.send(ctx, e)
	}
	for i := range all {
		errs[i] = all[i].wait(ctx)
	}
	return errors.Join(errs...)
}

// sent is an event that the outbox was given, or that it did not take.
type sent struct {
	eventType *eventType
	pending   *outbox.Pending
	err       error // why it was not taken
}

// send gives an event to the outbox. Events are stored in the order of the calls.
func (n *Node) send(ctx context.Context, e storedEvent) sent {
	pending, err := n.outbox.Store(ctx, e.subject, e.id, e.message)
	return sent{eventType: e.eventType, pending: pending, err: err}
}

// wait returns when the event is stored, or is not, and counts it. It is called once.
func (s sent) wait(ctx context.Context) error {
	err := s.err
	if err == nil {
		err = s.pending.Wait(ctx)
	}
	if err != nil {
		return s.eventType.notStored(err)
	}
	s.eventType.stored.Add(1)
	return nil
}

// notStored counts and names why an event is not in the outbox.
func (t *eventType) notStored(err error) error {
	switch {
	case errors.Is(err, ErrOutboxFull):
		return t.refuseStored(stats.OutboxFull, err)
	case errors.Is(err, ErrOutboxDisk):
		return t.refuseStored(stats.OutboxDisk, err)
	case errors.Is(err, ErrUncertain):
		return t.refuseStored(stats.OutboxUncertain, err)
	case errors.Is(err, outbox.ErrClosed):
		return t.refuseStored(stats.Closed, ErrClosed)
	default: // the context ended before it was sent, or the outbox refuses it for a reason of its own
		return t.refuseStored(stats.OutboxRefused, err)
	}
}
