package mesh

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/internal/wire"
)

// turn is one call of a handler for one event: the context the handler gets,
// and the events it emits, held until it returns nil.
//
// A worker uses its turn again for the next event, so that handling costs no
// allocation, unless something may have kept it: who asks for Done or Value,
// as every derived context does, makes the worker take a fresh one.
type turn struct {
	base   context.Context // ends when the node gives up waiting for handlers
	node   *Node
	header Header
	kept   atomic.Bool

	mu   sync.Mutex
	held []held // guarded by mu
	over bool   // guarded by mu: the handler has returned
}

// held is an event that waits for its handler to return nil.
type held interface {
	commit()
	discard()
}

func newTurn(n *Node) *turn { return &turn{base: n.handling, node: n, over: true} }

// Deadline is that of the node's handlers: none.
func (t *turn) Deadline() (time.Time, bool) { return t.base.Deadline() }

// Err is nil until the node gives up waiting for its handlers.
func (t *turn) Err() error { return t.base.Err() }

// Done is closed when the node gives up waiting for its handlers.
func (t *turn) Done() <-chan struct{} {
	t.kept.Store(true)
	return t.base.Done()
}

// Value gives what the node's context holds.
func (t *turn) Value(key any) any {
	if key == (sourceKey{}) {
		return t
	}
	t.kept.Store(true)
	return t.base.Value(key)
}

// begin readies the turn for an event, or gives a fresh one.
func (t *turn) begin(h *Header) *turn {
	// In the codec check always, so that a test finds a context that is used too
	// late however it was kept.
	if t.kept.Load() || t.node.codecCheck {
		t = newTurn(t.node)
	}
	t.mu.Lock()
	t.header = *h
	t.over = false
	t.mu.Unlock()
	return t
}

// hold keeps an event until the handler returns.
func (t *turn) hold(h held) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return ErrHandlerReturned
	}
	t.held = append(t.held, h)
	return nil
}

// end closes the turn. The held events take effect, in the order they were
// emitted, or are dropped.
func (t *turn) end(commit bool) {
	t.mu.Lock()
	t.over = true
	held := t.held
	t.mu.Unlock()
	for i, h := range held {
		if commit {
			h.commit()
		} else {
			h.discard()
		}
		held[i] = nil
	}
	t.held = held[:0] // nobody else appends once the turn is over
}

// pendingEmit is an event with its places reserved.
type pendingEmit[T any] struct {
	event  *Event[T]
	route  *typedRoute[T]
	header Header
	value  T
	hash   uint64
	shed   uint64
}

// hold reserves the event's places and leaves it with the turn.
func (e *Event[T]) hold(t *turn, r *typedRoute[T], key string, now int64, value T) error {
	// A dead letter may take one step more: it is wanted most at the end of a
	// cascade that went too deep, and it crosses no link.
	if t.header.path.Depth()+2 > wire.MaxPathSteps && r.subject != DeadLetters.subject {
		return r.tooDeep(t)
	}
	hash := r.hash(key)
	shed, err := reserveAll(t, r.targets, hash, true)
	if err != nil {
		return err
	}
	p, _ := e.pending.Get().(*pendingEmit[T])
	if p == nil {
		p = &pendingEmit[T]{event: e}
	}
	p.route, p.value, p.hash, p.shed = r, value, hash, shed
	p.header = Header{
		ID: newID(now), Root: t.header.Root, Parent: t.header.ID, Key: key,
		at: now, path: t.header.path.Child(r.step),
	}
	if err := t.hold(p); err != nil {
		p.discard()
		return err
	}
	return nil
}

func (p *pendingEmit[T]) commit() {
	p.route.deliver(&p.header, p.hash, &p.value, p.shed)
	p.recycle()
}

func (p *pendingEmit[T]) discard() {
	for i, b := range p.route.targets {
		if p.shed&(1<<i) == 0 {
			b.release(p.hash)
		}
	}
	p.recycle()
}

func (p *pendingEmit[T]) recycle() {
	event := p.event
	*p = pendingEmit[T]{event: event}
	event.pending.Put(p)
}
