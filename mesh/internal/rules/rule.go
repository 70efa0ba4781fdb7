package rules

import (
	"cmp"
	"context"
	"slices"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/steps"
)

// Rule is a rule in force, for one event type at one place.
type Rule struct {
	config    config.Rule
	buckets   *gate.Keyed // of a rule with a rate; of one by type there is one bucket
	calls     *calls      // of a rule with a concurrency, which has no buckets
	coalescer *coalescer  // of a rule that coalesces; nil: none
	lines     *lines      // of a rule that waits or has a concurrency; nil: none
	mixed     bool        // who is asked at its place has events of other types too

	refused, shed, delayed, overflowed, evicted *steps.Point

	refuse func(cause error) error // makes the error of an event that is refused
	// The errors without a cause of their own are made once: refusing must be cheap.
	err, errFull error

	closing <-chan struct{} // closed when the node begins to close
}

// Verdict is what rules say of an event that they do not refuse.
type Verdict struct {
	Shed *Rule // the rule that drops it
	Keep *Rule // the rule that keeps it until later, as it coalesces or as the event has to wait
}

// Passed is the verdict on an event that goes on.
var Passed = Verdict{}

// Admit asks rules in turn. The time is when the first was asked, as of [clock.Clock.Now]. It waits
// for those whose policy that is, until ctx ends, or says that the rule is to keep the event
// meanwhile: see [Rule.keepsWaiting]. What they stop they count. The error is that of the
// constructor in [Env].
func Admit(ctx context.Context, rules []*Rule, e *Event, now int64) (Verdict, error) {
	for _, r := range rules {
		if !r.concerns(e) {
			continue
		}
		if v, err := r.admit(ctx, e, now+int64(e.waited)); v != Passed || err != nil {
			return v, err
		}
	}
	return Passed, nil
}

// Charge charges rules with an event that none of them stops.
func Charge(rules []*Rule, e *Event, now int64) {
	for _, r := range rules {
		if r.concerns(e) {
			r.charge(e, now)
		}
	}
}

// After lists the rules that are asked after one, which may be gone; all for nil.
func After(rules []*Rule, r *Rule) []*Rule {
	if r == nil {
		return rules
	}
	first := slices.IndexFunc(rules, func(other *Rule) bool { return other.Order(r) > 0 })
	if first < 0 {
		return nil
	}
	return rules[first:]
}

// Resume lets an event that the rule kept go on past those of the rules that are asked after it. It
// reports whether the event goes on: not if one of them stops it, which is counted, or keeps it.
//
// What waited is asked for like any other event, but waits nowhere. What was coalesced is charged
// instead, since it is the last value of its key; if one of the rules keeps an older event of the
// type and key, it goes into its place.
func (r *Rule) Resume(rules []*Rule, e *Event, kept Kept, now int64) (goesOn bool) {
	if r.coalescer == nil {
		e.MayNotWait = true
		v, err := Admit(context.Background(), After(rules, r), e, now) // nothing waits, so nothing ends
		if v.Keep != nil {
			v.Keep.Keep(e, kept)
		}
		return v == Passed && err == nil
	}
	before, older := untilKept(After(rules, r), e)
	Charge(before, e, now)
	if older != nil {
		older.Keep(e, kept)
	}
	return older == nil
}

// Pass lets an event that the rule kept go past the rules of another place, which keep nothing: see
// [Rule.Resume].
func (r *Rule) Pass(rules []*Rule, e *Event, now int64) (goesOn bool) {
	if r.coalescer != nil {
		Charge(rules, e, now)
		return true
	}
	v, err := Admit(context.Background(), rules, e, now)
	return v == Passed && err == nil
}

// untilKept finds the first of some rules that keeps an older event of the type and key, and lists
// those before it; all, if none does. An event that goes on would overtake that one, which would
// then pass for the last value.
func untilKept(rules []*Rule, e *Event) (before []*Rule, older *Rule) {
	for i, r := range rules {
		if r.concerns(e) && r.coalescer.holds(e.unit()) {
			return rules[:i], r
		}
	}
	return rules, nil
}

// narrowness orders rules: see [Rule.Order].
var narrowness = map[config.By]int{config.ByKey: 0, config.ByPeer: 1, config.ByRoot: 2, config.ByType: 3}

// Order is that in which rules are asked: those with a rate first, so that no place is held while a
// token is waited for; of these a narrow one first, so that an event which a key's bucket stops
// takes nothing from the bucket that all keys share. It does not depend on what other rules there
// are: an event may hold what it got of one while it waits for the next, and rules change
// meanwhile.
func (r *Rule) Order(other *Rule) int {
	x, y := r.config.Identity(), other.config.Identity()
	return cmp.Or(min(r.config.Concurrency, 1)-min(other.config.Concurrency, 1), narrowness[r.config.By]-narrowness[other.config.By], slices.Compare(x[:], y[:]))
}

// Bound is the rule's limit if it is one for all events of a type from one node, and drops what is
// over it: then that node need not send more. ok is false for every other rule.
func (r *Rule) Bound() (limit config.Limit, ok bool) {
	c := r.config
	forAll := (c.By == config.ByType || c.By == config.ByPeer) && c.Root == "" && c.Concurrency == 0
	drops := c.Limit.Policy == config.Shed || c.Limit.Policy == config.Refuse || c.Limit.Policy == ""
	return c.Limit, forAll && drops
}

// Name is what errors and counters call the rule.
func (r *Rule) Name() string { return r.config.Name }

// Keep takes an event that the rule keeps until later, and reports whether it took no other's
// place.
func (r *Rule) Keep(e *Event, kept Kept) (more bool) {
	if r.coalescer != nil {
		return r.coalescer.keep(e, kept)
	}
	cameFromOutbox := e.Promised && (r.config.Place == config.AtImport || r.config.Place == config.AtHandler)
	r.lines.keep(r.keyOf(e), e, kept, cameFromOutbox)
	return true
}

// Expect announces an event that will be kept, or will not come: then it must be followed by
// Arrived.
func (r *Rule) Expect(e *Event) {
	if r.coalescer != nil {
		r.coalescer.expect(e.unit())
	} else {
		r.lines.expect(r.keyOf(e))
	}
}

// Arrived says that an event which the rule kept, or expected, is on its way no longer.
func (r *Rule) Arrived(e *Event) {
	if r.coalescer != nil {
		r.coalescer.arrived(e.unit())
	} else {
		r.lines.arrived(r.keyOf(e))
	}
}

// concerns reports whether the rule is for the event's cascade.
func (r *Rule) concerns(e *Event) bool {
	return r.config.Root == "" || r.config.Root == e.Path.Root().Subject()
}

// admit says whether an event may pass. It waits if that is the policy, until ctx ends.
func (r *Rule) admit(ctx context.Context, e *Event, now int64) (Verdict, error) {
	if r.calls != nil {
		return r.admitCall(ctx, e)
	}
	if r.config.By == config.ByRoot && e.Path.Depth() > 0 && r.config.Place == config.AtEmit {
		r.charge(e, now)
		return Passed, nil
	}
	switch {
	case r.coalescer.holds(e.unit()):
		return r.stop(e)
	case r.lines.busy(r, e): // who came first is first
		return r.wait(ctx, e, false)
	case r.allows(e, now):
		return Passed, nil
	case r.lines != nil:
		return r.wait(ctx, e, false)
	}
	return r.stop(e)
}

// stop is what a rule does with an event over its limit that does not wait.
func (r *Rule) stop(e *Event) (Verdict, error) {
	policy := r.config.Limit.Policy
	if e.Promised {
		policy = config.Refuse
	}
	switch policy {
	case config.Shed:
		e.Pass(r.shed, nil)
		return Verdict{Shed: r}, nil
	case config.Coalesce:
		return Verdict{Keep: r}, nil
	default:
		e.Pass(r.refused, r.err)
		return Passed, r.err
	}
}

// charge takes a token for an event that is not stopped.
func (r *Rule) charge(e *Event, now int64) {
	if r.calls == nil {
		r.note(e, r.buckets.Charge(r.keyOf(e), now))
	}
}

// keyOf is what chooses the bucket.
func (r *Rule) keyOf(e *Event) string {
	switch r.config.By {
	case config.ByKey:
		return e.Key
	case config.ByRoot:
		return e.Path.Root().Step()
	case config.ByPeer:
		return e.Path.Node()
	default:
		return ""
	}
}

// allows reports whether the event's bucket has a token, and takes it.
func (r *Rule) allows(e *Event, now int64) bool {
	allowed, use := r.buckets.Allow(r.keyOf(e), now)
	r.note(e, use)
	return allowed
}

// note counts an event whose key has no bucket of its own, or one that was another key's.
func (r *Rule) note(e *Event, use gate.Use) {
	switch use {
	case gate.Overflow:
		e.Pass(r.overflowed, nil)
	case gate.Recycled:
		e.Pass(r.evicted, nil)
	}
}
