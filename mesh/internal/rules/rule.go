package rules

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Rule is a rule in force, for one event type at one place.
type Rule struct {
	config    config.Rule
	bucket    *gate.Bucket        // of a rule by type
	keyed     *gate.Keyed[string] // of every other
	calls     *calls              // of a rule with a concurrency, which has no buckets
	coalescer *coalescer          // of a rule that coalesces; nil: none

	refused, shed, delayed, overflowed, evicted *steps.Point

	refuse func(cause error) error // makes the error of an event that is refused
	err    error                   // the one without a cause, made once: refusing must be cheap

	closing <-chan struct{} // closed when the node begins to close
}

// Verdict is what rules say of an event that they do not refuse.
type Verdict struct {
	Shed     *Rule // the rule that drops it
	Coalesce *Rule // the rule that keeps it until later
}

// Passed is the verdict on an event that goes on.
var Passed = Verdict{}

// Admit asks rules in turn. The time is when the first was asked, in nanoseconds since
// 1970. It waits for those whose policy that is, until ctx ends. What they stop they
// count. The error is that of the constructor in [Env].
func Admit(ctx context.Context, rules []*Rule, e *Event, unix int64) (Verdict, error) {
	for _, r := range rules {
		if !r.concerns(e) {
			continue
		}
		if v, err := r.admit(ctx, e, unix); v != Passed || err != nil {
			return v, err
		}
	}
	return Passed, nil
}

// Charge charges rules with an event that none of them stops.
func Charge(rules []*Rule, e *Event, unix int64) {
	for _, r := range rules {
		if r.concerns(e) {
			r.charge(e, unix)
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

// Resume lets an event that the rule kept go on past those of the rules that are asked after it.
// They are charged, since nobody is left to be told that they stop it. If one of them keeps an
// older event of the type and key, the event goes into its place; Resume returns that rule then,
// else nil.
func (r *Rule) Resume(rules []*Rule, e *Event, kept Kept, unix int64) (older *Rule) {
	before, older := untilKept(After(rules, r), e)
	Charge(before, e, unix)
	if older != nil {
		older.Keep(e, kept)
	}
	return older
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

// Name is what errors and counters call the rule.
func (r *Rule) Name() string { return r.config.Name }

// Keep takes an event that the rule coalesces, and reports whether it took no other's place.
func (r *Rule) Keep(e *Event, kept Kept) (more bool) { return r.coalescer.keep(e, kept) }

// Expect announces an event that will be kept, or will not come: then it must be followed by
// Arrived.
func (r *Rule) Expect(e *Event) { r.coalescer.expect(e.unit()) }

// Arrived says that an event which the rule kept, or expected, is on its way no longer.
func (r *Rule) Arrived(e *Event) { r.coalescer.arrived(e.unit()) }

// concerns reports whether the rule is for the event's cascade.
func (r *Rule) concerns(e *Event) bool {
	return r.config.Root == "" || r.config.Root == e.Path.Root().Subject()
}

// admit says whether an event may pass. It waits if that is the policy, until ctx ends.
func (r *Rule) admit(ctx context.Context, e *Event, unix int64) (Verdict, error) {
	if r.calls != nil {
		return r.admitCall(ctx, e)
	}
	now := time.Unix(0, unix+int64(e.delayed))
	if r.config.By == config.ByRoot && e.Path.Depth() > 0 && r.config.Place == config.AtEmit {
		r.charge(e, now.UnixNano())
		return Passed, nil
	}
	if r.coalescer.holds(e.unit()) {
		return r.stop(e)
	}
	bucket := r.bucketOf(e, now)
	if bucket.Allow(now) {
		return Passed, nil
	}
	if r.config.Limit.Policy == config.Wait {
		e.Pass(r.delayed, nil)
		return Passed, r.wait(ctx, e, bucket, now)
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
		return Verdict{Coalesce: r}, nil
	default:
		e.Pass(r.refused, r.err)
		return Passed, r.err
	}
}

// charge takes a token for an event that is not stopped.
func (r *Rule) charge(e *Event, unix int64) {
	if r.calls == nil {
		now := time.Unix(0, unix)
		r.bucketOf(e, now).Charge(now)
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

// keySeed makes shards unpredictable, so that nobody can choose keys that all meet at one lock.
var keySeed = maphash.MakeSeed()

func (r *Rule) bucketOf(e *Event, now time.Time) *gate.Bucket {
	if r.bucket != nil {
		return r.bucket
	}
	key := r.keyOf(e)
	bucket, use := r.keyed.Bucket(key, maphash.String(keySeed, key), now)
	switch use {
	case gate.Overflow:
		e.Pass(r.overflowed, nil)
	case gate.Recycled:
		e.Pass(r.evicted, nil)
	}
	return bucket
}

// wait waits for the next token. What comes from outside waits no longer when the node begins to
// close; what is in the node already does, to be finished.
func (r *Rule) wait(ctx context.Context, e *Event, bucket *gate.Bucket, now time.Time) error {
	closing := r.closing
	switch r.config.Place {
	case config.AtHandler:
		closing = nil
	case config.AtEmit:
		if e.Handled {
			closing = nil
		}
	case config.AtExport:
		if e.Handled || !e.Promised { // else Emit waits here, of a durable export
			closing = nil
		}
	}
	if e.BeforeWait != nil {
		e.BeforeWait()
	}
	delay, giveBack := bucket.Delay(now)
	if deadline, ok := ctx.Deadline(); ok && now.Add(delay).After(deadline) {
		giveBack(now)
		return r.refuseFor(e, context.DeadlineExceeded)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		e.delayed += time.Since(now)
		return nil
	case <-closing:
		giveBack(time.Now())
		return r.refuseFor(e, stats.ErrClosed)
	case <-ctx.Done():
		giveBack(time.Now())
		return r.refuseFor(e, clock.EndOf(ctx))
	}
}

// refuseFor refuses an event for a reason.
func (r *Rule) refuseFor(e *Event, cause error) error {
	err := r.refuse(cause)
	e.Pass(r.refused, err)
	return err
}
