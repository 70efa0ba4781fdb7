package mesh

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"unicode/utf8"

	"leafmesh/mesh/internal/wire"
)

// keySeed makes shards unpredictable, so that nobody can choose keys that all
// land on one worker.
var keySeed = maphash.MakeSeed()

// Emit puts an event into the node that ctx belongs to.
//
// With the context of a handler the event joins the handler's cascade: it is
// checked now and takes effect when the handler returns nil. With one of
// [Node.Context] it begins a cascade and takes effect before Emit returns; it
// then waits while a queue is full, until ctx ends.
//
// Emit returns nil when the event is admitted (or dropped by a rule that
// sheds, which is counted). Otherwise no handler gets it, and the error is a
// *RefusedError, ErrClosed, ErrNoNode, ErrHandlerReturned or, in the codec
// check, ErrNotWireSafe. The value must not be changed afterwards.
func (e *Event[T]) Emit(ctx context.Context, value T) error {
	node, turn := sourceOf(ctx)
	if node == nil {
		return ErrNoNode
	}
	r, err := routeOf(node, e)
	if err != nil {
		return err
	}
	// The guard before the limits, so that a storm does not use up what others
	// need, and before all that costs more.
	path, now, err := r.root, int64(0), error(nil)
	if turn == nil {
		now = node.clock.now()
	} else if path, now, err = turn.admit(r.eventType, e.loops); err != nil {
		return err
	}
	event := limited{e.keyOf(value), path}
	if r.wired && (len(event.key) > wire.MaxKeyBytes || !utf8.ValidString(event.key)) {
		return r.badKeyError(event.key)
	}
	if node.codecCheck {
		if err := checkSurvives(r.eventType, value); err != nil {
			return err
		}
	}
	v, err := r.admitEmit(ctx, &event, now)
	switch {
	case err != nil || v.shed:
		return err
	case v.coalesce != nil:
		return e.coalesce(v.coalesce, turn, r, &event, now, value)
	case turn != nil:
		return e.hold(turn, r, &event, now, value)
	}
	_, err = r.emitRoot(ctx, event.key, now, &value)
	return err
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
	id := newID(now)
	h := Header{ID: id, Root: id, Key: key, at: now, path: r.root}
	hash := r.hash(key)
	shed, err := reserveAll(ctx, r.targets, hash, false)
	if err != nil {
		return ID{}, err
	}
	// Asked with the places taken: Close sees them, or this sees Close.
	if r.node.closing.Load() {
		releaseAll(r.targets, hash, shed)
		r.node.counters.cell(r.subject, Refused, "emit", ruleClosed).Add(1)
		return ID{}, ErrClosed
	}
	if r.durable {
		if err := r.storeRoot(ctx, &h, value); err != nil {
			releaseAll(r.targets, hash, shed)
			return ID{}, err
		}
	}
	r.deliver(&h, hash, value, shed)
	return id, nil
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
	t.node.counters.cell(t.subject, Refused, "emit", ruleKey).Add(1)
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
		t.node.counters.cell(t.subject, Refused, "emit", ruleNotWireSafe).Add(1)
		return fmt.Errorf("%w: %s: %w", ErrNotWireSafe, t.subject, err)
	}
	return nil
}
