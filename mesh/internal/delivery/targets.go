package delivery

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
)

// Pressure says what an event does where a queue is full.
type Pressure uint8

const (
	// MayWait is for events from outside of the handlers: they wait for a place.
	MayWait Pressure = iota
	// MayOverfill is for events from inside: they never wait, since a cycle of handlers would
	// deadlock, and may overfill a queue up to its hard cap.
	MayOverfill
)

// Targets are the takers of an event type, in their order: at most 64, since sets of them are bits
// of one word. Those are config.MaxTakers handlers, an export and the tap.
type Targets struct {
	Takers  []*Taker
	sharded bool // some taker has several workers: the key's hash is needed
}

// NewTargets makes the targets of some takers.
func NewTargets(takers []*Taker) Targets {
	t := Targets{Takers: takers}
	for _, taker := range takers {
		t.sharded = t.sharded || taker.consumer.Width() > 1
	}
	return t
}

// Names are the names of the handlers among the targets.
func (t *Targets) Names() (names []string) {
	for _, taker := range t.Takers {
		if taker.IsHandler() {
			names = append(names, taker.Place.Handler)
		}
	}
	return names
}

// keySeed makes shards unpredictable, so that nobody can choose keys that all land on one worker.
var keySeed = maphash.MakeSeed()

// Hash spreads the events of the targets over shards.
func (t *Targets) Hash(key string) uint64 {
	if !t.sharded {
		return 0
	}
	return maphash.String(keySeed, key)
}

// Reserve takes a place at each taker but those of a set of bits, and waits for one until ctx ends
// if the event may wait. It returns that set with the takers that shed the event, or an error and
// no places taken.
//
// It never holds a place while it waits: where a queue is full it gives all back, waits for that
// one alone, and tries again. Holding them was rejected: a slow handler then fills the queues of
// others with places that stay empty, and two emitters can wait for each other.
func (t *Targets) Reserve(ctx context.Context, e *rules.Event, hash uint64, p Pressure, without uint64) (shed uint64, err error) {
	shed = without
	for i := 0; i < len(t.Takers); i++ {
		if without&(1<<i) != 0 {
			continue
		}
		taker := t.Takers[i]
		err := taker.reserve(hash, p)
		if err == nil {
			continue
		}
		if errors.Is(err, errCut) || taker.kind.Sheds && errors.Is(err, queue.ErrFull) {
			shed |= 1 << i
			continue
		}
		t.release(t.Takers[:i], hash, shed)
		if p == MayOverfill || !errors.Is(err, queue.ErrFull) {
			return 0, taker.refusal(e, err)
		}
		if err := taker.awaitPlace(ctx, e, hash); err != nil {
			return 0, err
		}
		i, shed = -1, without // again, from the first
	}
	return shed, nil
}

// ReserveWhereFree takes a place at each taker that has one. It returns the others as a set of
// bits.
func (t *Targets) ReserveWhereFree(hash uint64) (shed uint64) {
	for i, taker := range t.Takers {
		if taker.reserve(hash, MayOverfill) != nil {
			shed |= 1 << i
		}
	}
	return shed
}

// Release gives back the places of an event that will not come.
func (t *Targets) Release(hash uint64, shed uint64) { t.release(t.Takers, hash, shed) }

func (t *Targets) release(takers []*Taker, hash uint64, shed uint64) {
	for i, taker := range takers {
		if shed&(1<<i) == 0 {
			taker.release(hash)
		}
	}
}

// passShed counts an event that was delivered at the takers that shed it.
func (t *Targets) passShed(h *cause.Header, shed uint64) {
	for i, taker := range t.Takers {
		if shed&(1<<i) != 0 {
			taker.passShed(h)
		}
	}
}

// fillContent fills the places reserved for an event where some taker declares another Go type for
// the subject. The value is encoded once for all of them.
func (t *Targets) fillContent(it *Item, hash uint64, c *Content, shed uint64) {
	for i, taker := range t.Takers {
		if shed&(1<<i) == 0 {
			taker.values.put(it.Header, hash, c, nil)
		}
	}
}

// Deliver gives an event that came encoded to the targets. The payload may be kept. d is the
// handover it came with, which waits for the handlers; nil: none. Handlers that have handled it
// before are left out. On an error nobody got it, and the handover is not settled.
func (t *Targets) Deliver(ctx context.Context, h *cause.Header, payload []byte, p Pressure, d *Handover) error {
	if d != nil && slices.ContainsFunc(t.Takers, d.hasDone) {
		left := NewTargets(slices.DeleteFunc(slices.Clone(t.Takers), d.hasDone))
		t = &left
	}
	var hash uint64
	if h.Key != "" {
		hash = t.Hash(h.Key)
	}
	event := rules.Of(h)
	shed, err := t.Reserve(ctx, &event, hash, p, 0)
	if err != nil {
		return err
	}
	if d != nil {
		d.begin(t.Takers)
		defer d.Leave() // settles it if no handler is left
	}
	t.passShed(h, shed)
	c := EncodedContent(payload, nil)
	for i, taker := range t.Takers {
		of := d
		if !taker.IsHandler() {
			of = nil // the tap only looks on
		}
		switch {
		case shed&(1<<i) == 0:
			taker.values.put(*h, hash, c, of)
		case of != nil:
			of.Fail(Failure{Place: taker.Place, Excused: true, Err: ErrNotTaken})
			of.Leave()
		}
	}
	return nil
}

// TargetsOf are the targets of events that are emitted as values of T.
type TargetsOf[T any] struct {
	Targets
	// typed holds, in the places of Takers, those that take a T as it is; nil for those that take
	// another Go type, by way of the codec.
	typed   []*typed[T]
	foreign bool // some of typed is nil
	// exit is the last of Takers if that takes payloads; nil: none does. It has no place in typed.
	exit    *typed[Payload]
	content func(value any, payload Payload) *Content
}

// NewTargetsOf makes the targets of some takers. Only the last may take payloads. content makes the
// content of a value for those of another Go type; with checked all go by way of it.
func NewTargetsOf[T any](takers []*Taker, checked bool, content func(value any, payload Payload) *Content) TargetsOf[T] {
	t := TargetsOf[T]{Targets: NewTargets(takers), content: content}
	if last := len(takers) - 1; last >= 0 {
		if exit, ok := takers[last].values.(*typed[Payload]); ok {
			t.exit, takers = exit, takers[:last]
		}
	}
	t.typed = make([]*typed[T], len(takers))
	t.foreign = checked
	for i, taker := range takers {
		if own, ok := taker.values.(*typed[T]); ok && !checked {
			t.typed[i] = own
		} else {
			t.foreign = true
		}
	}
	return t
}

// Exit is the taker of payloads, as a set of bits; 0: there is none.
func (t *TargetsOf[T]) Exit() uint64 {
	if t.exit == nil {
		return 0
	}
	return 1 << (len(t.Takers) - 1)
}

// Fill fills the places reserved for an event, whose header is in the item. It never blocks. The
// item is used for each place, one after the other. The payload is that of the value, if it was
// encoded before; some taker of payloads needs it. Without a payload that taker is in shed: nobody
// hears the event there.
func (t *TargetsOf[T]) Fill(it *Item, hash uint64, value *T, payload Payload, shed uint64) {
	full := shed
	if t.exit != nil && payload == nil {
		t.exit.passUnheard(&it.Header)
		full &^= t.Exit()
	}
	if full != 0 {
		t.passShed(&it.Header, full)
	}
	if t.foreign {
		t.fillContent(it, hash, t.content(*value, payload), shed)
		return
	}
	for i, taker := range t.typed {
		if shed&(1<<i) == 0 {
			taker.fill(it, hash, value)
		}
	}
	if t.exit != nil && shed&(1<<len(t.typed)) == 0 {
		t.exit.fill(it, hash, &payload)
	}
}
