package mesh

import (
	"context"
	"fmt"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Staged is an event that the gate has admitted and that has not taken effect.
// A service writes it down in the SQL transaction that changes its state, and
// gives it to [Node.Relay] after the COMMIT. Package transact does both.
type Staged struct {
	ID      ID     // the event's
	Message []byte // the event as on the wire: docs/wire.md
}

// Stage asks the gate about an event as [Event.Emit] does, and gives the event
// encoded instead of letting it take effect: no handler gets it, nothing leaves
// the node, and nothing is undone when the handler that staged it fails.
//
// A staged event is a fact of the caller's transaction, so no rule may drop it:
// a rule that sheds or coalesces refuses it instead. A rule that waits waits,
// perhaps with the transaction open; the end of ctx bounds that.
//
// With the context of a handler the event belongs to the handler's cascade, and
// its id follows from the handled event, the handler, and its own type, key and
// value: a handler that runs again for the same event stages the same
// events under the same ids, unless it puts other values into them. Identical
// events of one call are told apart by their number.
//
// The errors are those of Emit. Beside them *RefusedError with the rule
// "payload-size" is for an exported type's event over the node's largest payload,
// and ErrNotWireSafe for a value that can not be encoded.
func (e *Event[T]) Stage(ctx context.Context, value T) (Staged, error) {
	o := offer[T]{value: value, staged: true}
	if _, err := e.offer(ctx, &o); err != nil {
		return Staged{}, err
	}
	r := o.route
	if o.turn == nil && r.node.closing.Load() {
		return Staged{}, r.closedError()
	}
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		return Staged{}, r.notWireSafe(err)
	}
	h, err := o.header(payload)
	if err != nil {
		return Staged{}, err
	}
	message, err := appendEnvelope(nil, &h, h.Lineage().AppendSteps(nil), payload)
	if err != nil {
		return Staged{}, r.notWireSafe(err)
	}
	if r.export != nil && len(message) > r.node.config.MaxPayload {
		return Staged{}, r.oversizeError(len(message))
	}
	if o.turn != nil {
		o.turn.stages(r.eventType)
	}
	return Staged{ID: h.ID, Message: message}, nil
}

// header makes the header of an event that is staged.
func (o *offer[T]) header(payload []byte) (Header, error) {
	if o.turn == nil {
		return o.route.rootHeader(o.event.key, o.now), nil
	}
	s := o.turn.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(o.turn) {
		return Header{}, ErrHandlerReturned
	}
	h := s.effectLocked(&o.event, o.now)
	s.identifyLocked(&h, o.route.subject, payload)
	return h, nil
}

// identifyLocked gives an event that the turn's handler emits the id that follows
// from what it is: see childID. A root whose id is older than itself has its
// deadline count from now, not from the id's time.
func (s *stage) identifyLocked(h *Header, subject string, payload []byte) {
	id := cause.ChildID(s.header.ID, s.source.place, subject, h.Key, payload, 0)
	if s.children == nil {
		s.children = map[ID]uint64{}
	}
	ordinal := s.children[id]
	s.children[id]++
	if ordinal > 0 {
		id = cause.ChildID(s.header.ID, s.source.place, subject, h.Key, payload, ordinal)
	}
	h.Rename(id)
}

// stages makes the node learn, when the handler returns nil, that it has emitted
// the event.
func (t *turn) stages(child *eventType) {
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.presentLocked(t) {
		s.held = append(s.held, stagedEmit{source: s.source, child: child})
	}
}

// stagedEmit is what a turn holds of a staged event: the edge to learn.
type stagedEmit struct {
	source *tally
	child  *eventType
}

func (s stagedEmit) commit() { s.source.emits(s.child) }

func (stagedEmit) discard() {}

func (t *eventType) oversizeError(size int) error {
	t.node.counters.cell(t.subject, stats.Refused, "emit", stats.PayloadSize).Add(1)
	return &RefusedError{Type: t.subject, Place: "emit", Rule: stats.PayloadSize,
		Cause: fmt.Errorf("its message has %d bytes, max_payload is %d", size, t.node.config.MaxPayload)}
}
