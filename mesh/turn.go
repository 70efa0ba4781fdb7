package mesh

import (
	"context"
	"sync"
	"time"
)

// turn is one call of a handler for one event, as the context that the handler
// gets. It is valid until the handler returns: emitting with it later is refused,
// even when the worker has gone on to other events.
type turn struct {
	stage  *stage
	number uint64
}

// stage is where a worker keeps what belongs to its present turn: the event,
// and the events that the handler emits, held until it returns nil.
type stage struct {
	base context.Context // ends when the node gives up waiting for handlers
	node *Node

	mu     sync.Mutex
	number uint64 // guarded by mu: of the present turn
	open   bool   // guarded by mu: the handler has not returned
	header Header // guarded by mu
	source *tally // guarded by mu: of the event at the handler
	held   []held // guarded by mu
	// stored are those of held that go into the outbox first.
	stored []storedEvent // guarded by mu
	// refusal is the guard's last one in the present turn. guarded by mu
	refusal refusal
	// children counts the events of the turn whose ids follow from their parent's,
	// by the id of the first of its kind.
	children map[ID]uint64 // guarded by mu

	turns []turn // owned by the worker: those not used yet
}

// held is an event that waits for its handler to return nil.
type held interface {
	commit()
	discard()
}

func newStage(n *Node) *stage { return &stage{base: n.handling, node: n} }

// Deadline is that of the node's handlers: none.
func (t *turn) Deadline() (time.Time, bool) { return t.stage.base.Deadline() }

// Err is nil until the node gives up waiting for its handlers.
func (t *turn) Err() error { return t.stage.base.Err() }

// Done is closed when the node gives up waiting for its handlers.
func (t *turn) Done() <-chan struct{} { return t.stage.base.Done() }

// Value gives what the node's context holds.
func (t *turn) Value(key any) any {
	if key == (sourceKey{}) {
		return t
	}
	return t.stage.base.Value(key)
}

// header is the turn's event, as long as the handler runs.
func (t *turn) header() (Header, bool) {
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header, s.presentLocked(t)
}

func (s *stage) presentLocked(t *turn) bool { return s.open && s.number == t.number }

// turnSlab is how many turns are made at once. A turn can not be used again,
// as somebody may have kept it, so each costs its 16 bytes; but only one in so
// many costs an allocation.
const turnSlab = 256

// begin opens a turn for an event.
func (s *stage) begin(h *Header, source *tally) *turn {
	if len(s.turns) == 0 {
		s.turns = make([]turn, turnSlab)
	}
	t := &s.turns[0]
	s.turns = s.turns[1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	s.open = true
	s.header, s.source, s.refusal = *h, source, refusal{}
	if len(s.children) > 0 {
		clear(s.children)
	}
	t.stage, t.number = s, s.number
	return t
}

// end closes the turn. The held events take effect, in the order they were
// emitted, or are dropped. Those that belong into the outbox are stored before
// any takes effect; if that fails, none does, and the error says why.
func (s *stage) end(commit bool) (err error) {
	s.mu.Lock()
	s.open = false
	held, stored := s.held, s.stored
	s.mu.Unlock()
	if commit && len(stored) > 0 {
		err = s.node.store(s.base, stored)
		commit = err == nil
	}
	clear(stored)
	s.stored = stored[:0]
	for i, h := range held {
		if commit {
			h.commit()
		} else {
			h.discard()
		}
		held[i] = nil
	}
	s.held = held[:0] // nobody else appends while no turn is open
	return err
}

// pendingEmit is an event with its places reserved.
type pendingEmit[T any] struct {
	event  *Event[T]
	route  *typedRoute[T]
	source *tally
	header Header
	value  T
	hash   uint64
	shed   uint64
}

// hold reserves the event's places and leaves it with the turn. It never waits.
func (e *Event[T]) hold(t *turn, r *typedRoute[T], event *limited, now int64, value T) error {
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(t) {
		return ErrHandlerReturned
	}
	hash := r.hash(event.key)
	shed, err := reserveAll(s.base, r.targets, hash, true)
	if err != nil {
		return err
	}
	header := s.effectLocked(event, now)
	var store storedEvent
	if r.durable { // after all that may refuse it: it gets its number among its equals
		if store, err = s.storedChildLocked(r.eventType, &header, value); err != nil {
			releaseAll(r.targets, hash, shed)
			return err
		}
	}
	p, _ := e.pending.Get().(*pendingEmit[T])
	if p == nil {
		p = &pendingEmit[T]{event: e}
	}
	p.route, p.source, p.header, p.value, p.hash, p.shed = r, s.source, header, value, hash, shed
	s.held = append(s.held, p)
	if r.durable {
		s.stored = append(s.stored, store)
	}
	return nil
}

// effectLocked gives the header of an event that the turn's handler emits: in
// the cascade of the turn's event or, if its path says so, as the root of one.
func (s *stage) effectLocked(event *limited, now int64) Header {
	return s.header.Effect(event.path, event.key, now)
}

func (p *pendingEmit[T]) commit() {
	p.source.emits(p.route.eventType)
	p.route.deliver(&p.header, p.hash, &p.value, p.shed)
	p.recycle()
}

func (p *pendingEmit[T]) discard() {
	releaseAll(p.route.targets, p.hash, p.shed)
	p.recycle()
}

func (p *pendingEmit[T]) recycle() {
	event := p.event
	*p = pendingEmit[T]{event: event}
	event.pending.Put(p)
}
