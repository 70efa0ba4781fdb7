package rules

import (
	"context"

	"leafmesh/mesh/config"
)

// HandlerSet is what an event has to pass at a handler.
type HandlerSet struct {
	Rates []*Rule // those with a rate
	Calls []*Rule // those with a concurrency, which are asked last
}

// all lists the rules; none for nil.
func (s *HandlerSet) all() []*Rule {
	if s == nil {
		return nil
	}
	return append(append([]*Rule(nil), s.Rates...), s.Calls...)
}

// admitCall is [Rule.admit] for a rule with a concurrency. An event that the rule has kept, or one
// after it, waits for a place, whatever the policy is: it is older than what is kept here now.
func (r *Rule) admitCall(ctx context.Context, e *Event) (Verdict, error) {
	overdue := e.KeptBy != nil && r.Order(e.KeptBy) <= 0
	if (overdue || !r.coalescer.holds(e.unit()) && !r.lines.busy(r, e)) && r.calls.begin(r.keyOf(e)) {
		return Passed, nil
	}
	if overdue || r.config.Limit.Policy == config.Wait {
		return r.wait(ctx, e, overdue)
	}
	return r.stop(e)
}

// EndCalls frees the places that an event took of rules.
func EndCalls(rules []*Rule, e *Event) {
	for _, r := range rules {
		if r.concerns(e) {
			r.calls.end(r.keyOf(e))
			if r.lines.busy(r, e) {
				r.lines.serve(r.keyOf(e))
			}
		}
	}
}
