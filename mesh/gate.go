package mesh

import (
	"context"
	"time"

	"leafmesh/mesh/internal/gate"
)

// limit is a rule of the gate with its counters: the effects around the pure
// token bucket.
type limit struct {
	bucket *gate.Limit
	policy Policy

	refused, shed, delayed *counter
	err                    *RefusedError // made once: refusing must be cheap
}

// newLimit makes a rule, or nil if nothing is limited.
func (n *Node) newLimit(subject, place, rule string, l Limit) *limit {
	if l.Unlimited() {
		return nil
	}
	return &limit{
		bucket:  gate.NewLimit(float64(l.Rate), l.Burst),
		policy:  l.Policy,
		refused: n.counters.cell(subject, Refused, place, rule),
		shed:    n.counters.cell(subject, ShedEvents, place, rule),
		delayed: n.counters.cell(subject, Delayed, place, rule),
		err:     &RefusedError{Type: subject, Place: place, Rule: rule},
	}
}

// admit says whether an event may pass. It waits if that is the policy, until
// ctx ends. It returns shed for an event that is dropped without an error.
// now is in nanoseconds since 1970.
func (l *limit) admit(ctx context.Context, unix int64) (shed bool, err error) {
	now := time.Unix(0, unix)
	if l.bucket.Allow(now) {
		return false, nil
	}
	switch l.policy {
	case Wait:
		l.delayed.Add(1)
		return false, l.wait(ctx, now)
	case Shed:
		l.shed.Add(1)
		return true, nil
	default:
		l.refused.Add(1)
		return false, l.err
	}
}

func (l *limit) wait(ctx context.Context, now time.Time) error {
	delay, giveBack := l.bucket.Delay(now)
	if deadline, ok := ctx.Deadline(); ok && now.Add(delay).After(deadline) {
		giveBack(now)
		return l.refuse(context.DeadlineExceeded)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		giveBack(time.Now())
		return l.refuse(context.Cause(ctx))
	}
}

func (l *limit) refuse(cause error) error {
	l.refused.Add(1)
	return &RefusedError{Type: l.err.Type, Place: l.err.Place, Rule: l.err.Rule, Cause: cause}
}
