package mesh

import (
	"context"
	"time"

	"leafmesh/mesh/internal/cascade"
	"leafmesh/mesh/internal/gate"
)

// limit is a rule of the gate on one event type, with its counters: the effects
// around the pure token buckets.
type limit struct {
	rule      Rule
	bucket    *gate.Limit         // of a rule by type
	keyed     *gate.Keyed[string] // of every other
	coalescer *coalescer          // of a rule that coalesces; nil: none

	refused, shed, delayed, overflowed, evicted *counter
	err                                         *RefusedError // made once: refusing must be cheap

	closing <-chan struct{} // closed when the node begins to close
}

func (n *Node) newLimitLocked(subject, place string, r Rule) *limit {
	shared := r.By == ByRoot && r.Place != AtHandler // one table for all types of the cascades
	if l := n.rootLimits[r]; shared && l != nil {
		return l
	}
	if shared {
		subject = r.Event
	}
	l := &limit{
		rule:       r,
		refused:    n.counters.cell(subject, Refused, place, r.Name),
		shed:       n.counters.cell(subject, ShedEvents, place, r.Name),
		delayed:    n.counters.cell(subject, Delayed, place, r.Name),
		overflowed: n.counters.cell(subject, Overflowed, place, r.Name),
		evicted:    n.counters.cell(subject, Evicted, place, r.Name),
		err:        &RefusedError{Type: subject, Place: place, Rule: r.Name},
		closing:    n.open.Done(),
	}
	if r.Limit.Policy == Coalesce {
		l.coalescer = &coalescer{within: r.Within, keys: r.Keys, kept: map[string]*keptEvent{},
			coalesced: n.counters.cell(subject, Coalesced, place, r.Name)}
	}
	if r.By == ByType {
		l.bucket = gate.NewLimit(float64(r.Limit.Rate), r.Limit.Burst)
	} else {
		l.keyed = gate.NewKeyed[string](float64(r.Limit.Rate), r.Limit.Burst, r.Keys)
	}
	if shared {
		n.rootLimits[r] = l
	}
	return l
}

// limited is what the rules ask of an event.
type limited struct {
	key  string
	path *cascade.Path // its own
	// handled events are emitted by a handler.
	handled bool
	// kept events are facts that somebody relies on, staged in a transaction or
	// durable: what would drop or replace one refuses it.
	kept    bool
	delayed time.Duration // how long it has waited for rules so far
}

func (e *limited) descendant() bool { return e.path.Depth() > 0 }

// admitAll asks rules in turn: see [limit.admit]. The time is when the first was
// asked, in nanoseconds since 1970.
func admitAll(ctx context.Context, limits []*limit, e *limited, unix int64) (verdict, error) {
	for _, l := range limits {
		if l.rule.Root != "" && l.rule.Root != e.path.Root().Subject() {
			continue
		}
		if v, err := l.admit(ctx, e, unix); v != passed || err != nil {
			return v, err
		}
	}
	return passed, nil
}

// verdict is what the gate says of an event that it does not refuse.
type verdict struct {
	shed     bool   // it is dropped
	coalesce *limit // the rule that keeps it until later
}

var passed = verdict{}

// admit says whether an event may pass. It waits if that is the policy, until
// ctx ends.
func (l *limit) admit(ctx context.Context, e *limited, unix int64) (verdict, error) {
	now := time.Unix(0, unix).Add(e.delayed)
	bucket := l.bucketOf(e, now)
	if l.rule.By == ByRoot && e.descendant() && l.rule.Place == AtEmit {
		bucket.Charge(now)
		return passed, nil
	}
	if bucket.Allow(now) {
		return passed, nil
	}
	policy := l.rule.Limit.Policy
	if e.kept && policy != Wait {
		policy = Refuse
	}
	switch policy {
	case Wait:
		l.delayed.Add(1)
		return passed, l.wait(ctx, e, bucket, now)
	case Shed:
		l.shed.Add(1)
		return verdict{shed: true}, nil
	case Coalesce:
		return verdict{coalesce: l}, nil
	default:
		l.refused.Add(1)
		return passed, l.err
	}
}

func (l *limit) bucketOf(e *limited, now time.Time) *gate.Limit {
	var key string
	switch l.rule.By {
	case ByKey:
		key = e.key
	case ByRoot:
		key = e.path.Root().Step()
	case ByPeer:
		key = e.path.Node()
	default:
		return l.bucket
	}
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
	if l.rule.Place == AtExport || l.rule.Place == AtHandler || l.rule.Place == AtEmit && e.handled {
		closing = nil
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
