package mesh

import (
	"context"
	"math"
	"sync"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/steps"
)

// turn is one call of a handler for one event, as the context that the handler gets. It is valid
// until the handler returns: emitting with it later is refused, even when the worker has gone on to
// other events.
type turn struct {
	desk   *desk
	number uint64
}

// desk is where a worker keeps what belongs to its present turn: the event, and the events that the
// handler emits, held until it returns nil.
type desk struct {
	base context.Context // ends when the node gives up waiting for handlers
	flow *flow

	mu     sync.Mutex
	number uint64       // guarded by mu: of the present turn
	begun  int64        // guarded by mu: when it began, as of the node's clock, without what it waited for rules
	open   bool         // guarded by mu: the handler has not returned
	header cause.Header // guarded by mu
	source *steps.Tally // guarded by mu: of the event at the handler
	held   []held       // guarded by mu
	// stored are those of held that go into the outbox first.
	stored []outlet.Stored // guarded by mu
	// refusal is the guard's last one in the present turn. guarded by mu
	refusal  refusal
	charged  int            // guarded by mu: events of the turn that the guard charged to the cascade
	children cause.Children // guarded by mu: of the turn, as far as their ids follow from their parent's

	turns []turn // owned by the worker: those not used yet
}

// newDesk makes the desk of a worker, before the flow's workers run.
func newDesk(f *flow) *desk {
	d := &desk{base: f.life.handling, flow: f}
	f.desks = append(f.desks, d)
	return d
}

// Deadline is that of the node's handlers: none.
func (t *turn) Deadline() (time.Time, bool) { return t.desk.base.Deadline() }

// Err is nil until the node gives up waiting for its handlers.
func (t *turn) Err() error { return t.desk.base.Err() }

// Done is closed when the node gives up waiting for its handlers.
func (t *turn) Done() <-chan struct{} { return t.desk.base.Done() }

// Value returns what the node's context holds, and who traces it.
func (t *turn) Value(key any) any {
	if key == (sourceKey{}) {
		return t
	}
	if tracer := t.desk.flow.tracer.Load(); tracer != nil {
		if h, handler, ok := t.present(); ok {
			if value := (*tracer).Value(h, handler, key); value != nil {
				return value
			}
		}
	}
	return t.desk.base.Value(key)
}

// present is the turn's event and its handler's name, as long as the handler runs. The nil turn has
// none.
func (t *turn) present() (h cause.Header, handler string, ok bool) {
	if t == nil {
		return h, "", false
	}
	d := t.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.presentLocked(t) {
		return h, "", false
	}
	return d.header, d.source.Place.Handler, true
}

func (d *desk) presentLocked(t *turn) bool { return d.open && d.number == t.number }

// turnSlab is how many turns are made at once. A turn cannot be used again, as somebody may have
// kept it, so each costs its 16 bytes; but only one in so many costs an allocation.
const turnSlab = 256

// begin opens a turn for an event.
func (d *desk) begin(h *cause.Header, source *steps.Tally) *turn {
	if len(d.turns) == 0 {
		d.turns = make([]turn, turnSlab)
	}
	t := &d.turns[0]
	d.turns = d.turns[1:]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.number++
	d.open = true
	d.begun, d.header, d.source, d.refusal, d.charged = d.flow.clock.Coarse(), *h, source, refusal{}, 0
	clear(d.children)
	t.desk, t.number = d, d.number
	return t
}

// ageLocked is the age of the cascade at a time in the present turn: see cause.Header.Age. It is
// exact to some milliseconds, since the clock is read once for several events.
func (d *desk) ageLocked(now int64) time.Duration {
	parent := d.header.Age()
	return parent + min(time.Duration(max(0, now-d.begun)), math.MaxInt64-parent)
}

// waited takes out of the turn's time what its handler waited for rules.
func (t *turn) waited(d time.Duration) {
	t.desk.mu.Lock()
	defer t.desk.mu.Unlock()
	if t.desk.presentLocked(t) {
		t.desk.begun += int64(d)
	}
}

// takeBack gives back to the cascade what the last turn was charged with, as the same event is
// tried again. Nothing of that turn took effect, or the next one does the same once more: what it
// stages has the same id. So a cascade pays for one try of each handler, and a handler that fails
// often takes nothing from the others.
func (d *desk) takeBack() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flow.guard.GiveBack(&d.header, d.charged)
	d.charged = 0
}

// causedNothing reports whether nothing of the last turn belongs to the event's cascade.
func (d *desk) causedNothing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.charged == 0
}

// end closes the turn. The held events take effect, in the order they were emitted, or are dropped.
// Those that belong into the outbox are stored before any takes effect; if that fails, none does,
// and the error says why.
func (d *desk) end(commit bool) (err error) {
	d.mu.Lock()
	d.open = false
	held, stored := d.held, d.stored
	d.mu.Unlock()
	if commit && len(stored) > 0 {
		err = d.flow.kept.All(d.base, stored)
		commit = err == nil
	}
	clear(stored)
	d.stored = stored[:0]
	for i, h := range held {
		if commit {
			h.commit()
		} else {
			h.discard()
		}
		held[i] = nil
	}
	d.held = held[:0] // nobody else appends while no turn is open
	return err
}

// hold reserves an event's places and leaves it with the turn. It never waits. h holds the event.
func (d *desk) hold(o *offer, a *arrival, h held) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.presentLocked(o.turn) {
		return ErrHandlerReturned
	}
	hash := a.targets.Hash(o.event.Key)
	shed, err := a.targets.Reserve(d.base, &o.event, hash, delivery.MayOverfill, o.without)
	if err != nil {
		return err
	}
	a.source, a.hash, a.shed = d.source, hash, shed
	a.item.Header = d.header.Effect(o.event.Path, o.event.Key, o.event.At, o.event.Age)
	if a.durable { // after all that may refuse it: it gets its number among its equals
		if err := d.storeLocked(a); err != nil {
			a.targets.Release(hash, shed)
			return err
		}
	}
	d.held = append(d.held, h)
	return nil
}

// coalesce leaves an event with the turn that goes to a rule when the handler returns nil.
func (d *desk) coalesce(o *offer, c *postponed) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.presentLocked(o.turn) {
		return ErrHandlerReturned
	}
	c.rule.Expect(&c.event)
	c.source = d.source
	c.header = d.header.Effect(c.event.Path, c.event.Key, c.event.At, c.event.Age)
	d.held = append(d.held, c)
	return nil
}
