package mesh

import (
	"leafmesh/mesh/config"
	"slices"
)

// handlerRules is what an event has to pass at a handler.
type handlerRules struct {
	rates []*limit // those with a rate
	calls []*limit // those with a concurrency, which are asked last
}

// limitHandlersLocked gives each handler of an event type the rules at place
// handler. It keeps those that stay the same, and the calls under way for those
// of which only the numbers change.
func (n *Node) limitHandlersLocked(t *eventType) {
	for _, b := range t.handlers {
		tally := b.counts()
		tally.rules.Store(n.handlerRulesLocked(tally, tally.rules.Load()))
	}
}

func (n *Node) handlerRulesLocked(t *tally, old *handlerRules) *handlerRules {
	kept, underWay := map[Rule]*limit{}, map[config.RuleID]*calls{}
	if old != nil {
		for _, l := range slices.Concat(old.rates, old.calls) {
			kept[l.rule] = l
		}
		for _, l := range old.calls {
			underWay[l.rule.Identity()] = l.calls
		}
	}
	rules := &handlerRules{}
	for _, r := range n.rules {
		if !isFor(r, t) {
			continue
		}
		l := kept[r]
		if l == nil {
			l = n.newLimitLocked(t.subject, t.place, r)
			if c := underWay[r.Identity()]; c != nil {
				l.calls = c
				c.setLimit(r.Concurrency)
			}
		}
		if l.calls == nil {
			rules.rates = append(rules.rates, l)
		} else {
			rules.calls = append(rules.calls, l)
			delete(underWay, r.Identity())
		}
	}
	for _, c := range underWay { // nobody waits for a rule that is gone
		c.setLimit(noBound)
	}
	if len(rules.rates)+len(rules.calls) == 0 {
		return nil
	}
	slices.SortFunc(rules.rates, (*limit).order)
	slices.SortFunc(rules.calls, (*limit).order)
	return rules
}

// isFor reports whether the rule is for a type's events at a handler. None is for
// alarms: operations are outside of all limits.
func isFor(r Rule, t *tally) bool {
	return r.Place == AtHandler && t.subject != GraphAlarms.subject &&
		config.Match(r.Event, t.subject) && (r.Handler == "" || "handler "+r.Handler == t.place)
}
