package mesh

import (
	"cmp"
	"context"
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/stats"
)

// limit is a rule of the gate on one event type, with its counters: the effects
// around the pure token buckets and counts.
type limit struct {
	rule      Rule
	bucket    *gate.Limit         // of a rule by type
	keyed     *gate.Keyed[string] // of every other
	calls     *calls              // of a rule with a concurrency, which has no buckets
	coalescer *coalescer          // of a rule that coalesces; nil: none

	refused, shed, delayed, overflowed, evicted *counter
	err                                         *RefusedError // made once: refusing must be cheap

	closing <-chan struct{} // closed when the node begins to close
}

func (n *Node) newLimitLocked(subject, place string, r Rule) *limit {
	l := &limit{
		rule:       r,
		refused:    n.counters.cell(subject, stats.Refused, place, r.Name),
		shed:       n.counters.cell(subject, stats.Shed, place, r.Name),
		delayed:    n.counters.cell(subject, stats.Delayed, place, r.Name),
		overflowed: n.counters.cell(subject, stats.Overflowed, place, r.Name),
		evicted:    n.counters.cell(subject, stats.Evicted, place, r.Name),
		err:        &RefusedError{Type: subject, Place: place, Rule: r.Name},
		closing:    n.open.Done(),
	}
	switch {
	case r.Concurrency > 0:
		l.calls = newCalls(r.Concurrency)
	case r.By == ByType:
		l.bucket = gate.NewLimit(float64(r.Limit.Rate), r.Limit.Burst)
	default:
		l.keyed = n.bucketsLocked(r)
	}
	if r.Limit.Policy == Coalesce {
		l.coalescer = &coalescer{within: r.Within, keys: r.Keys, units: map[unit]*keptUnit{}, closed: n.keepsNothing,
			coalesced: n.counters.cell(subject, stats.Coalesced, place, r.Name), charge: func(e *limited) { l.charge(e, n.clock.now()) }}
		n.coalescing = append(n.coalescing, l)
	}
	return l
}

// bucketsLocked gives the table of a rule that is not by type: of one by root the
// same for all types of the cascades, but for that of a handler.
func (n *Node) bucketsLocked(r Rule) *gate.Keyed[string] {
	shared := r.By == ByRoot && r.Place != AtHandler
	if table := n.rootBuckets[r]; shared && table != nil {
		return table
	}
	table := gate.NewKeyed[string](float64(r.Limit.Rate), r.Limit.Burst, r.Keys)
	if shared {
		n.rootBuckets[r] = table
	}
	return table
}

// limited is what the rules ask of an event.
type limited struct {
	key  string
	path *cause.Path // its own
	// handled events are emitted by a handler.
	handled bool
	// promised events are relied on: staged in a transaction, or durable. What would
	// drop or replace one refuses it.
	promised bool
	keptBy   *limit        // the rule that has kept it until now
	delayed  time.Duration // how long it has waited for rules so far
	// beforeWait is called before the event waits for a rule by rate; nil: nothing is.
	beforeWait func()
}

// limitedBy is what the rules ask of an event that has a header.
func limitedBy(h *Header) limited { return limited{key: h.Key, path: h.Lineage()} }

// admitAll asks rules in turn: see [limit.admit]. The time is when the first was
// asked, in nanoseconds since 1970.
func admitAll(ctx context.Context, limits []*limit, e *limited, unix int64) (verdict, error) {
	for _, l := range limits {
		if !l.concerns(e) {
			continue
		}
		if v, err := l.admit(ctx, e, unix); v != passed || err != nil {
			return v, err
		}
	}
	return passed, nil
}

// chargeAll charges rules with an event that none of them stops.
func chargeAll(limits []*limit, e *limited, unix int64) {
	for _, l := range limits {
		if l.concerns(e) {
			l.charge(e, unix)
		}
	}
}

// order is that in which rules are asked: those with a rate first, so that no place
// is held while a token is waited for; of these a narrow one first, so that an event
// which a key's bucket stops takes nothing from the bucket that all keys share. It
// does not depend on what other rules there are: an event may hold what it got of
// one while it waits for the next, and rules change meanwhile.
func (l *limit) order(other *limit) int {
	x, y := l.rule.Identity(), other.rule.Identity()
	return cmp.Or(min(l.rule.Concurrency, 1)-min(other.rule.Concurrency, 1), narrowness[l.rule.By]-narrowness[other.rule.By], slices.Compare(x[:], y[:]))
}

// after lists the rules that are asked after one, which may be gone; all for nil.
func after(limits []*limit, l *limit) []*limit {
	if l == nil {
		return limits
	}
	first := slices.IndexFunc(limits, func(other *limit) bool { return other.order(l) > 0 })
	if first < 0 {
		return nil
	}
	return limits[first:]
}

// concerns reports whether the rule is for the event's cascade.
func (l *limit) concerns(e *limited) bool {
	return l.rule.Root == "" || l.rule.Root == e.path.Root().Subject()
}

// verdict is what the gate says of an event that it does not refuse.
type verdict struct {
	shed     *limit // the rule that drops it
	coalesce *limit // the rule that keeps it until later
}

var passed = verdict{}

// admit says whether an event may pass. It waits if that is the policy, until
// ctx ends.
func (l *limit) admit(ctx context.Context, e *limited, unix int64) (verdict, error) {
	if l.calls != nil {
		return l.admitCall(ctx, e)
	}
	now := time.Unix(0, unix+int64(e.delayed))
	if l.rule.By == ByRoot && e.path.Depth() > 0 && l.rule.Place == AtEmit {
		l.charge(e, now.UnixNano())
		return passed, nil
	}
	if l.coalescer.holds(e.unit()) {
		return l.stop(e)
	}
	bucket := l.bucketOf(e, now)
	if bucket.Allow(now) {
		return passed, nil
	}
	if l.rule.Limit.Policy == Wait {
		l.delayed.Add(1)
		return passed, l.wait(ctx, e, bucket, now)
	}
	return l.stop(e)
}

// stop is what a rule does with an event over its limit that does not wait.
func (l *limit) stop(e *limited) (verdict, error) {
	policy := l.rule.Limit.Policy
	if e.promised {
		policy = Refuse
	}
	switch policy {
	case Shed:
		l.shed.Add(1)
		return verdict{shed: l}, nil
	case Coalesce:
		return verdict{coalesce: l}, nil
	default:
		l.refused.Add(1)
		return passed, l.err
	}
}

// charge takes a token for an event that is not stopped.
func (l *limit) charge(e *limited, unix int64) {
	if l.calls == nil {
		now := time.Unix(0, unix)
		l.bucketOf(e, now).Charge(now)
	}
}

// keyOf is what chooses the bucket.
func (l *limit) keyOf(e *limited) string {
	switch l.rule.By {
	case ByKey:
		return e.key
	case ByRoot:
		return e.path.Root().Step()
	case ByPeer:
		return e.path.Node()
	default:
		return ""
	}
}

func (l *limit) bucketOf(e *limited, now time.Time) *gate.Limit {
	if l.bucket != nil {
		return l.bucket
	}
	key := l.keyOf(e)
	bucket, use := l.keyed.Bucket(key, keyHash(key), now)
	switch use {
	case gate.Overflow:
		l.overflowed.Add(1)
	case gate.Recycled:
		l.evicted.Add(1)
	}
	return bucket
}

// wait waits for the next token. What comes from outside waits no longer when the
// node begins to close; what is in the node already does, to be finished.
func (l *limit) wait(ctx context.Context, e *limited, bucket *gate.Limit, now time.Time) error {
	closing := l.closing
	switch l.rule.Place {
	case AtHandler:
		closing = nil
	case AtEmit:
		if e.handled {
			closing = nil
		}
	case AtExport:
		if e.handled || !e.promised { // else Emit waits here, of a durable export
			closing = nil
		}
	}
	if e.beforeWait != nil {
		e.beforeWait()
	}
	delay, giveBack := bucket.Delay(now)
	if deadline, ok := ctx.Deadline(); ok && now.Add(delay).After(deadline) {
		giveBack(now)
		return l.refuse(context.DeadlineExceeded)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		e.delayed += time.Since(now)
		return nil
	case <-closing:
		giveBack(time.Now())
		return l.refuse(ErrClosed)
	case <-ctx.Done():
		giveBack(time.Now())
		return l.refuse(endOf(ctx))
	}
}

func (l *limit) refuse(cause error) error {
	l.refused.Add(1)
	return &RefusedError{Type: l.err.Type, Place: l.err.Place, Rule: l.err.Rule, Cause: cause}
}
