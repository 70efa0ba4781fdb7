package mesh

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// pending is an event that has a place in each queue that takes it.
type pending[T any] struct {
	arrival
	value T
	to    *typedRoute[T]
}

// arrival is what is known of a pending event beside its value.
type arrival struct {
	*route
	source *steps.Tally  // the handler that emitted it, nil: none
	item   delivery.Item // with the event's header
	// payload is the value's, if it was encoded.
	payload delivery.Payload
	hash    uint64
	shed    uint64
}

// held is an event that waits: for its handler to return nil, or for others to be stored. Exactly
// one of the two is called.
type held interface {
	commit()
	discard()
}

// pend makes a pending event without places. The payload is nil for one that was not encoded.
func (r *typedRoute[T]) pend(value *T, payload delivery.Payload) *pending[T] {
	p, _ := r.pool.Get().(*pending[T])
	if p == nil {
		p = &pending[T]{to: r}
	}
	p.route, p.value, p.payload = &r.route, *value, payload
	return p
}

// commit lets the event take effect.
func (p *pending[T]) commit() {
	p.source.Emits(p.Type)
	p.to.deliver(&p.item, p.hash, &p.value, p.payload, p.shed)
	p.recycle()
}

// discard gives the event's places back.
func (p *pending[T]) discard() {
	p.targets.Release(p.hash, p.shed)
	p.recycle()
}

func (p *pending[T]) recycle() {
	r := p.to
	*p = pending[T]{to: r}
	r.pool.Put(p)
}

// deliver fills the places reserved for the event. It never blocks.
func (r *typedRoute[T]) deliver(it *delivery.Item, hash uint64, value *T, payload delivery.Payload, shed uint64) {
	r.Admitted.Pass(&it.Header)
	r.typed.Fill(it, hash, value, payload, shed)
}

// deliverAny is deliver for a pointer to the value.
func (r *typedRoute[T]) deliverAny(h *cause.Header, hash uint64, value any, payload delivery.Payload, shed uint64) {
	r.deliver(&delivery.Item{Header: *h}, hash, value.(*T), payload, shed)
}

// enter gives an event that comes from outside of the handlers to all who take it. It waits for
// full queues until ctx ends.
func (r *typedRoute[T]) enter(ctx context.Context, o *offer, value *T) (cause.ID, error) {
	if r.durable {
		return r.enterDurable(ctx, o, value)
	}
	e := &o.event
	hash := r.targets.Hash(e.Key)
	shed, err := r.reserve(ctx, e, hash, o.without)
	if err != nil {
		return cause.ID{}, err
	}
	it := delivery.Item{Header: cause.NewRoot(r.root, e.Key, e.At)}
	r.flow.tracer.begins(ctx, &it.Header)
	r.deliver(&it, hash, value, o.payload, shed)
	return it.Header.ID, nil
}

// reserve takes the places of an event that comes from outside of the handlers. Whether the node
// closes is asked with the places taken: Close sees them, or this sees Close.
func (r *route) reserve(ctx context.Context, e *rules.Event, hash, without uint64) (shed uint64, err error) {
	if shed, err = r.targets.Reserve(ctx, e, hash, delivery.MayWait, without); err != nil {
		return 0, err
	}
	if r.flow.life.closing.Load() {
		r.targets.Release(hash, shed)
		return 0, r.refuse(e, stats.Closed, stats.ErrClosed)
	}
	return shed, nil
}

// refuse counts an event that a rule refuses on emit, and returns the error.
func (t *eventType) refuse(e *rules.Event, rule string, err error) error {
	e.Pass(t.refusedAtEmit(rule), err)
	return err
}

func (t *eventType) refusedAtEmit(rule string) *steps.Point {
	return t.flow.trace.Point(steps.Step{Type: t.Subject, Outcome: stats.Refused, Place: atEmit, Rule: rule})
}

// postponed is an event that was to be emitted and that a rule keeps until later. Its places are
// reserved when it goes: it waits for no queue, as what a handler emits does. Inside a handler it
// goes to the rule when that returns nil.
type postponed struct {
	*route
	to interface {
		deliverAny(h *cause.Header, hash uint64, value any, payload delivery.Payload, shed uint64)
	}
	rule   *rules.Rule
	event  rules.Event
	source *steps.Tally // nil outside of handlers
	header cause.Header
	value  any // points to it
	// payload is the value's, of an event that is exported.
	payload delivery.Payload
}

func (c *postponed) commit() {
	if c.rule.Keep(&c.event, c) {
		c.source.Emits(c.Type)
	}
	c.rule.Arrived(&c.event)
}

func (c *postponed) discard() { c.rule.Arrived(&c.event) }

// Header is the event's.
func (c *postponed) Header() *cause.Header { return &c.header }

// GoOn lets the event go where it was going: see rules.Kept.
func (c *postponed) GoOn(by *rules.Rule) {
	event, f, inForce := rules.Of(&c.header), c.flow, c.rules.Load()
	defer by.Arrived(&event)
	now := f.clock.Now()
	if !by.Resume(inForce.Emit, &event, c, now) || !by.Pass(inForce.ExportRefuse, &event, now) {
		return
	}
	hash := c.targets.Hash(c.header.Key)
	shed, err := c.targets.Reserve(f.life.handling, &event, hash, delivery.MayOverfill, 0)
	if err != nil { // counted where it was refused
		f.log.WarnAbout(&c.header, "event refused that a rule had kept", "error", err)
		return
	}
	c.to.deliverAny(&c.header, hash, c.value, c.payload, shed)
}
