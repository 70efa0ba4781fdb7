package rules

import (
	"context"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// wait lets an event wait for its turn: the caller with it, or the rule keeps it. What comes from
// outside waits no longer when the node begins to close; what is in the node already does, to be
// finished. An overdue event is older than all that wait.
func (r *Rule) wait(ctx context.Context, e *Event, overdue bool) (Verdict, error) {
	key := r.keyOf(e)
	if !overdue && r.lines.full(key, e.Size) {
		e.Pass(r.refused, r.errFull)
		return Passed, r.errFull
	}
	if deadline, ok := ctx.Deadline(); ok && r.lines.endsBefore(key, deadline) {
		return Passed, r.refuseFor(e, context.DeadlineExceeded) // at once, rather than for nothing
	}
	e.Pass(r.delayed, nil)
	if !overdue && r.keepsWaiting(e) {
		return Verdict{Keep: r}, nil
	}
	if e.BeforeWait != nil {
		e.BeforeWait()
	}
	waited, why := r.lines.await(ctx, key, r.closingFor(e), overdue)
	e.waited += waited
	if why != nil {
		return Passed, r.refuseFor(e, why)
	}
	return Passed, nil
}

// keepsWaiting reports whether the rule keeps an event that has to wait, so that whoever asks goes
// on with others: else a key over its limit would hold up all keys. Its caller waits
//
//   - outside of handlers, where it holds up nobody else, and hears how it ends;
//   - with an event that somebody relies on and that is nowhere else yet, as what is stored before
//     it is exported: what comes in out of an outbox is still there;
//   - if all that it could go on with has to wait for the same bucket. Then nothing is gained, and
//     who emits is held back by full queues instead of losing events.
func (r *Rule) keepsWaiting(e *Event) bool {
	switch {
	case e.MayNotWait:
		return true
	case r.config.By == config.ByType && r.config.Root == "" && !r.mixed:
		return false
	case r.config.Place == config.AtHandler, r.config.Place == config.AtImport:
		return true
	case r.config.Place == config.AtEmit && !e.Handled:
		return false
	}
	return !e.Promised
}

// closingFor is closed when the event is to wait no longer as the node closes; nil: never.
func (r *Rule) closingFor(e *Event) <-chan struct{} {
	switch {
	case r.config.Place == config.AtHandler,
		r.config.Place == config.AtEmit && e.Handled,
		r.config.Place == config.AtExport && (e.Handled || !e.Promised): // else Emit waits here, of a durable export
		return nil
	}
	return r.closing
}

// refuseFor refuses an event for a reason.
func (r *Rule) refuseFor(e *Event, cause error) error {
	err := r.refuse(cause)
	e.Pass(r.refused, err)
	return err
}

// endOfWait is why a wait ended that nobody ended by its turn.
func endOfWait(ctx context.Context, closing <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return clock.EndOf(ctx)
	case <-closing:
		return stats.ErrClosed
	}
}
