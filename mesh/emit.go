package mesh

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"unicode/utf8"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// keySeed makes shards unpredictable, so that nobody can choose keys that all
// land on one worker.
var keySeed = maphash.MakeSeed()

// Emit puts an event into the node that ctx belongs to.
//
// With the context of a handler the event joins the handler's cascade: it is
// checked now and takes effect when the handler returns nil. With [NewRoot] it
// begins a cascade instead. With one of [Node.Context] it begins a cascade and takes effect before Emit returns; it
// then waits while a queue is full, until ctx ends.
//
// Emit returns nil when the event is admitted (or dropped by a rule that
// sheds, which is counted). Otherwise no handler gets it, and the error is a
// *RefusedError, ErrClosed, ErrNoNode, ErrHandlerReturned or, in the codec
// check, ErrNotWireSafe. The value must not be changed afterwards.
func (e *Event[T]) Emit(ctx context.Context, value T) error {
	o := offer[T]{value: value}
	v, err := e.offer(ctx, &o)
	if err != nil {
		return err
	}
	return e.take(ctx, &o, v)
}

// take does with an event what the gate said.
func (e *Event[T]) take(ctx context.Context, o *offer[T], v verdict) (err error) {
	switch {
	case v.shed != nil:
		return nil
	case v.coalesce != nil:
		return e.coalesce(v.coalesce, o.turn, o.route, &o.event, o.now, o.value)
	case o.turn != nil:
		return e.hold(o.turn, o.route, &o.event, o.now, o.value)
	}
	_, err = o.route.emitRoot(ctx, o.event.key, o.now, &o.value)
	return err
}

// offer is an event that is shown to the gate, and what is found out about it.
type offer[T any] struct {
	value      T
	staged     bool
	beforeWait func() // see limited

	turn  *turn // nil: a root event
	route *typedRoute[T]
	event limited
	now   int64
}

// offer asks the gate about an event that is emitted or staged. The guard comes
// before the limits, so that a storm does not use up what others need, and before
// all that costs more.
func (e *Event[T]) offer(ctx context.Context, o *offer[T]) (verdict, error) {
	from := sourceOf(ctx)
	node, turn := from.node, from.turn
	if node == nil {
		return passed, ErrNoNode
	}
	r, err := routeOf(node, e)
	if err != nil {
		return passed, err
	}
	path := r.root
	if turn == nil || from.root {
		o.now = node.clock.now()
	} else if path, o.now, err = turn.admit(r.eventType, e.loops); err != nil {
		return passed, err
	}
	o.turn, o.route = turn, r
	o.event = limited{key: e.keyOf(o.value), path: path, handled: turn != nil, promised: o.staged || r.durable, beforeWait: o.beforeWait}
	if key := o.event.key; (r.wired || o.staged) && (len(key) > wire.MaxKeyBytes || !utf8.ValidString(key)) {
		return passed, r.badKeyError(key)
	}
	if node.codecCheck {
		if err := checkSurvives(r.eventType, o.value); err != nil {
			return passed, err
		}
	}
	return r.admitEmit(ctx, &o.event, o.now)
}

// admitEmit asks the rules of emitting, and those of the export that refuse: the
// others wait or shed behind the export's own queue.
func (t *eventType) admitEmit(ctx context.Context, e *limited, now int64) (v verdict, err error) {
	rules := t.rules.Load()
	if v, err = admitAll(ctx, rules.emit, e, now); v != passed || err != nil {
		return v, err
	}
	if v, err = admitAll(ctx, rules.exportRefuse, e, now); v != passed || err != nil || !t.durable {
		return v, err
	}
	return admitAll(ctx, rules.export, e, now) // of a durable export nothing waits behind Emit
}

func (r *typedRoute[T]) emitRoot(ctx context.Context, key string, now int64, value *T) (ID, error) {
	h := r.rootHeader(key, now)
	if r.durable {
		return h.ID, r.enterDurable(ctx, &h, value)
	}
	return h.ID, r.enter(ctx, &h, value)
}

// rootHeader makes the header of a new root event.
func (t *eventType) rootHeader(key string, now int64) Header {
	return cause.NewRoot(t.root, key, now)
}

// enter gives an event that comes from outside of the handlers to all who take
// it, and is not durable. It waits for full queues until ctx ends.
func (r *typedRoute[T]) enter(ctx context.Context, h *Header, value *T) error {
	hash := r.hash(h.Key)
	shed, err := reserveAll(ctx, r.targets, hash, false)
	if err != nil {
		return err
	}
	// Asked with the places taken: Close sees them, or this sees Close.
	if r.node.closing.Load() {
		releaseAll(r.targets, hash, shed)
		return r.closedError()
	}
	r.deliver(h, hash, value, shed)
	return nil
}

// closedError counts an event that comes from outside while the node closes.
func (t *eventType) closedError() error {
	t.node.counters.cell(t.subject, stats.Refused, "emit", stats.Closed).Add(1)
	return ErrClosed
}

func (r *typedRoute[T]) hash(key string) uint64 {
	if !r.sharded {
		return 0
	}
	return keyHash(key)
}

func keyHash(key string) uint64 { return maphash.String(keySeed, key) }

// deliver fills the places reserved for the event. It never blocks.
func (r *typedRoute[T]) deliver(h *Header, hash uint64, value *T, shed uint64) {
	r.admitted.Add(1)
	if shed != 0 {
		countShed(r.targets, shed)
	}
	if r.foreign {
		r.deliverForeign(h, hash, value, shed)
		return
	}
	for i, s := range r.typed {
		if shed&(1<<i) == 0 {
			s.put(h, hash, nil, value)
		}
	}
}

// deliverForeign is deliver where some handler declares another Go type for
// the subject. The value is encoded once for all of them.
func (r *typedRoute[T]) deliverForeign(h *Header, hash uint64, value *T, shed uint64) {
	c := contentOf(r.node, any(*value))
	for i, b := range r.targets {
		switch {
		case shed&(1<<i) != 0:
		case r.typed[i] != nil:
			r.typed[i].put(h, hash, nil, value)
		default:
			b.putContent(*h, hash, c, nil)
		}
	}
}

func contentOf(n *Node, value any) *content {
	if a, ok := value.(Any); ok {
		return a.content // came encoded
	}
	if n.codecCheck {
		payload, err := wire.AppendPayload(nil, value)
		return &content{payload: payload, err: err}
	}
	return &content{value: value}
}

func (t *eventType) badKeyError(key string) error {
	t.node.counters.cell(t.subject, stats.Refused, "emit", stats.BadKey).Add(1)
	refused := *t.badKey
	if len(key) > wire.MaxKeyBytes {
		refused.Cause = fmt.Errorf("the key has %d bytes, at most %d are allowed", len(key), wire.MaxKeyBytes)
	} else {
		refused.Cause = errors.New("the key is not valid UTF-8")
	}
	return &refused
}

// checkSurvives sends a value through the codec and compares.
func checkSurvives[T any](t *eventType, value T) error {
	payload, err := wire.AppendPayload(nil, value)
	var back T
	if err == nil {
		err = wire.DecodePayload(payload, &back)
	}
	if err == nil && !reflect.DeepEqual(value, back) {
		err = fmt.Errorf("%+v came back as %+v", value, back)
	}
	if err != nil {
		return t.notWireSafe(err)
	}
	return nil
}

func (t *eventType) notWireSafe(err error) error {
	t.node.counters.cell(t.subject, stats.Refused, "emit", stats.NotWireSafe).Add(1)
	return fmt.Errorf("%w: %s: %w", ErrNotWireSafe, t.subject, err)
}
