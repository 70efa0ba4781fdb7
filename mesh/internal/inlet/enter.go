package inlet

import (
	"context"
	"crypto/sha256"
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// How many events of an import rules may keep as they wait, in all and of one key: so few that a
// key over its limit leaves most of the credit to others. What waits beyond that waits at its
// exporter.
const (
	maxParked      = creditEvents / 2
	maxParkedOfKey = creditEvents / 8
)

// admit brings what was taken through the gate, until the talk rests or the intake ends. What it
// then finds waiting goes back.
func (d *durable) admit(rests <-chan struct{}) {
	for d.Intake.Err() == nil {
		select {
		case t := <-d.waiting:
			d.enter(t)
		case <-rests:
			return
		case <-d.Intake.Done():
		}
	}
	for {
		select {
		case t := <-d.waiting:
			d.giveBack(t, 0)
		default:
			return
		}
	}
}

// enter brings one event through the gate to the handlers. It waits where they are full.
func (d *durable) enter(t *taken) {
	d.paths = t.paths
	damage, err := d.decode(t.message)
	if err != nil {
		sum := sha256.Sum256(t.message) // it has no id that could be trusted
		t.header.ID = cause.ID(sum[:16])
		d.refuse(t, err)
		return
	}
	t.header, t.payload, t.damage = d.header, d.envelope.Payload, damage
	event := t.asked()
	v, err := rules.Admit(d.Intake, d.of.Rules(), &event, d.Clock.Now())
	d.goOn(t, &event, v, err, d.Intake, delivery.MayWait)
}

// asked is what rules are asked of the event. It is promised: what would drop it refuses it, and
// then it comes again.
func (t *taken) asked() rules.Event {
	event := rules.Of(&t.header)
	event.Promised, event.Size = true, len(t.payload)
	return event
}

// goOn does with an event what the rules say.
func (d *durable) goOn(t *taken, e *rules.Event, v rules.Verdict, err error, ctx context.Context, p delivery.Pressure) {
	switch {
	case err != nil: // counted by the rule
		d.excuse(t)
	case v.Keep == nil:
		d.hand(ctx, t, p)
	case d.park(e.Key):
		v.Keep.Keep(e, &parked{d, t})
	default:
		d.giveBack(t, d.firstPause())
	}
}

// hand gives an event that the rules let pass to the handlers; the last one settles it.
func (d *durable) hand(ctx context.Context, t *taken, p delivery.Pressure) {
	h := t.header
	d.passImported(&h, t.damage)
	if err := d.of.Admit(&h, t.comesAgain()); err != nil {
		d.refuse(t, err)
		return
	}
	if d.isForOneThatIsGone(t) {
		d.Log.WarnAbout(&h, "an event counts as handled: those that handle its type have, and one that has not is gone",
			"peer", d.place.Peer, "handlers", t.done)
	}
	last := d.isLast(t)
	over := delivery.NewHandover(last, t.done, func(s delivery.Settlement) { d.judge(t, last, s) })
	over.Again = t.tries > 0
	if err := d.of.Enter(ctx, &h, t.payload, p, over); err != nil {
		d.excuse(t)
	}
}

// isForOneThatIsGone reports whether an event came again, and no handler is left that has not
// handled it: an event that all have handled does not come again.
func (d *durable) isForOneThatIsGone(t *taken) bool {
	return len(t.done) > 0 && !slices.ContainsFunc(d.of.Handlers, func(name string) bool { return !slices.Contains(t.done, name) })
}

// refuse ends an event that cannot come to the handlers which have not handled it.
func (d *durable) refuse(t *taken, why error) {
	failures := []delivery.Failure{{Place: steps.At(steps.Import), Final: true, Err: why}}
	if len(t.done) > 0 { // not to those that have
		failures = failures[:0]
		for _, handler := range d.of.Handlers {
			failures = append(failures, delivery.Failure{Place: steps.AtHandler(handler), Final: true, Err: why})
		}
	}
	d.judge(t, true, delivery.Settlement{Failures: without(failures, t.done), Done: t.done})
}

// parked is an event that a rule keeps until its turn.
type parked struct {
	*durable
	t *taken
}

// Header is the event's.
func (p *parked) Header() *cause.Header { return &p.t.header }

// GoOn lets the event go where it was going: see rules.Kept. When the node closes that is back.
func (p *parked) GoOn(by *rules.Rule) {
	d, event := p.durable, p.t.asked()
	defer by.Arrived(&event)
	d.unpark(event.Key)
	if d.Intake.Err() != nil {
		d.giveBack(p.t, 0)
		return
	}
	asked := event
	asked.MayNotWait = true
	v, err := rules.Admit(context.Background(), rules.After(d.of.Rules(), by), &asked, d.Clock.Now()) // nothing waits
	d.goOn(p.t, &asked, v, err, d.Handling, delivery.MayOverfill)
}

// park reports whether one more event of a key may be kept by rules, and notes it.
func (d *durable) park(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.parked >= maxParked || d.parking[key] >= maxParkedOfKey {
		return false
	}
	d.parking[key]++
	d.parked++
	return true
}

func (d *durable) unpark(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parked--
	if d.parking[key]--; d.parking[key] == 0 {
		delete(d.parking, key)
	}
}
