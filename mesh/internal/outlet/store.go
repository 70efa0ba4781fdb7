package outlet

import (
	"context"
	"errors"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"

	"github.com/nats-io/nats.go"
)

// Store puts events of durable exports into the node's outbox, and counts what becomes of them. Its
// methods are safe for concurrent use.
type Store struct {
	*outbox.Outbox
	maxPayload int // the largest message, in bytes
	trace      *steps.Trace
}

// lossRules are those by which events are lost for a service.
var lossRules = map[outbox.Loss]string{
	outbox.LostFull:     stats.OutboxFull,
	outbox.LostOversize: stats.PayloadSize,
	outbox.LostMissing:  stats.OutboxGone,
}

// OpenStore opens an outbox, whose messages may have so many bytes.
func OpenStore(ctx context.Context, conn *nats.Conn, c outbox.Config, maxPayload int, trace *steps.Trace) (*Store, error) {
	c.Lost = func(subject, service string, why outbox.Loss, messages uint64) {
		trace.Point(steps.Step{Type: subject, Outcome: stats.Lost, Place: steps.AtOutboxOf(service), Rule: lossRules[why]}).PassUnknown(messages, nil)
	}
	o, err := outbox.Open(ctx, conn, c)
	if err != nil {
		return nil, err
	}
	return &Store{Outbox: o, maxPayload: maxPayload, trace: trace}, nil
}

// Stored is an event on its way into the outbox.
type Stored struct {
	of      *steps.Type
	header  cause.Header
	subject string // on the wire
	event   []byte

	pending *outbox.Pending
	err     error // why the outbox did not take it
}

// Seal encodes an event, whose value is encoded.
func (s *Store) Seal(of *steps.Type, h *cause.Header, payload []byte) (Stored, error) {
	event, err := Event(h, payload)
	if err != nil {
		return Stored{}, s.refuse(h, stats.NotWireSafe, err)
	}
	if size := wire.ContainerSize(len(event)); size > s.maxPayload {
		return Stored{}, s.refuse(h, stats.PayloadSize, fmt.Errorf("it has %d bytes, at most %d are allowed (max_payload)", size, s.maxPayload))
	}
	return Stored{of: of, header: *h, subject: string(wire.AppendSubject(nil, h.Subject(), h.Key)), event: event}, nil
}

// Send gives an event to the outbox, unless ctx has ended. Events are stored in the order of the
// calls.
func (s *Store) Send(ctx context.Context, e Stored) Stored {
	if e.err = ctx.Err(); e.err != nil {
		e.err = fmt.Errorf("it was not stored: %w", clock.EndOf(ctx))
		return e
	}
	e.pending, e.err = s.Store(ctx, e.subject, e.header.ID, e.event)
	return e
}

// Await returns when an event that was sent is stored, or is not, and counts it. It is called once.
// The outbox gives up by itself some seconds after it had no answer: who leaves when ctx ends does
// not know what became of the event.
func (s *Store) Await(ctx context.Context, e Stored) error {
	err := e.err
	if err == nil {
		err = e.pending.Wait(ctx)
	}
	if err != nil {
		return s.notStored(&e.header, err)
	}
	if !e.pending.IsCopy() {
		e.of.Stored.Pass(&e.header)
	}
	return nil
}

// All stores events, in order and side by side. It returns when all are there, or an error if one
// is not.
func (s *Store) All(ctx context.Context, events []Stored) error {
	errs := make([]error, len(events))
	for i, e := range events {
		events[i] = s.Send(ctx, e)
	}
	for i, e := range events {
		errs[i] = s.Await(ctx, e)
	}
	return errors.Join(errs...)
}

// notStored counts and names why an event is not in the outbox.
func (s *Store) notStored(h *cause.Header, err error) error {
	switch {
	case errors.Is(err, outbox.ErrFull):
		return s.refuse(h, stats.OutboxFull, err)
	case errors.Is(err, outbox.ErrDisk) && errors.Is(err, outbox.ErrUncertain):
		return s.refuse(h, stats.OutboxDisk, &stats.UncertainError{Event: h.ID, Cause: err})
	case errors.Is(err, outbox.ErrDisk):
		return s.refuse(h, stats.OutboxDisk, err)
	case errors.Is(err, outbox.ErrUncertain):
		return s.refuse(h, stats.OutboxUncertain, &stats.UncertainError{Event: h.ID, Cause: err})
	case errors.Is(err, outbox.ErrClosed):
		return s.refuse(h, stats.Closed, stats.ErrClosed)
	default: // the context ended before it was sent, or the outbox refuses it for a reason of its own
		return s.refuse(h, stats.OutboxRefused, err)
	}
}

func (s *Store) refuse(h *cause.Header, rule string, cause error) error {
	err := steps.Refuse(h.Subject(), steps.At(steps.Outbox), rule, cause)
	s.trace.Point(steps.Step{Type: h.Subject(), Outcome: stats.Refused, Place: steps.At(steps.Outbox), Rule: rule}).PassError(h, err)
	return err
}

// Stats is what the outbox keeps.
func (s *Store) Stats() (outbox.Stats, bool) {
	if s == nil {
		return outbox.Stats{}, false
	}
	return s.Outbox.Stats(), true
}

// Goodbye tells the readers that nothing more is given out. The nil Store has none.
func (s *Store) Goodbye() {
	if s != nil {
		s.Outbox.Goodbye()
	}
}

// AwaitAnswers waits for what the readers say of the events that they have. The nil Store has none.
func (s *Store) AwaitAnswers(ctx context.Context) {
	if s != nil {
		s.Outbox.AwaitAnswers(ctx)
	}
}

// Close ends the outbox. The nil Store has none.
func (s *Store) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.Outbox.Close(ctx)
}
