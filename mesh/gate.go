package mesh

import (
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// refusal is what the guard refused to a handler.
type refusal struct {
	to        *eventType
	allowance int
	bound     gate.Bound
	path      *cause.Path // of the refused event
	err       error       // a stats.CascadeError
}

// admit asks the guard about an event that the turn's handler emits, and charges it to its cascade.
// It completes the offer with the event's path, its parent and the time.
//
// In a storm most emits are refused, and a handler that looks at no error goes on. A bound that one
// event of a type would have broken is broken for the next one of the turn too: it gets the same
// error, and costs the guard nothing.
func (t *turn) admit(to *eventType, allowance int, o *offer) error {
	d := t.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.presentLocked(t) {
		return ErrHandlerReturned
	}
	e := &o.event
	if r := &d.refusal; r.to == to && r.allowance == allowance {
		to.passRefused(d.source, &d.header, r)
		return r.err
	}
	o.now = to.flow.clock.Now()
	e.Path, e.At, e.Age = d.header.Lineage().Child(to.step), to.flow.clock.Stamp(o.now), d.ageLocked(o.now)
	e.Parent, e.Root = d.header.ID, d.header.Root // for the header of an event that a rule refuses
	bound, refused := to.admitDescendant(&d.header, e.Path, allowance, e.Age)
	if refused == nil {
		d.charged++
		return nil
	}
	r := refusal{to, allowance, bound, e.Path, refused}
	to.passRefused(d.source, &d.header, &r)
	if bound != gate.DeadlineBound { // its numbers change
		d.refusal = r
	}
	return refused
}

// passRefused counts an event that a handler may not emit.
func (t *eventType) passRefused(source *steps.Tally, parent *cause.Header, r *refusal) {
	source.Refuses(t.Type)
	p := t.outOfBounds[r.bound]
	if told := p.Count(); told != 0 {
		p.Tell(told, parent.Effect(r.path, "", t.flow.clock.Wall(), parent.Age()), r.err)
	}
}

// admitDescendant asks the guard, and charges the event if it is admitted.
func (t *eventType) admitDescendant(parent *cause.Header, path *cause.Path, allowance int, age time.Duration) (gate.Bound, error) {
	if t.Subject == deadLetterSubject {
		// Wanted most at the end of a cascade that went too far. There is at most one for each
		// event that was admitted.
		t.flow.guard.Add(parent)
		return gate.Passed, nil
	}
	r := t.flow.guard.Emit(parent, path, allowance, age)
	return r.Bound, r.AsError(string(steps.Emit), parent.Root, path)
}

// refuseAt counts a refusal of the guard that is none of emit, and makes its error.
func (f *flow) refuseAt(place steps.Place, h *cause.Header, r gate.Refusal) error {
	refused := r.AsError(place.String(), h.Root, h.Lineage())
	if refused == nil {
		return nil
	}
	f.trace.Point(steps.Step{Type: h.Subject(), Outcome: stats.Refused, Place: place, Rule: r.Bound.String()}).PassError(h, refused)
	return refused
}
