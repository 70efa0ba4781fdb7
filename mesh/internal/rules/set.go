package rules

import (
	"slices"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/steps"
)

// Set is what an event type has to pass at each place but its handlers. It never changes; another
// one takes its place.
type Set struct {
	Emit         []*Rule
	ExportRefuse []*Rule // asked on emit, whose caller gets the error
	Export       []*Rule // asked behind the queue: all others
	Import       []*Rule
}

// Set makes the rule set of a subject, which the node exports or not. Buckets are taken over from
// the rules of an older set that are the same; old may be nil.
func (g *Gate) Set(subject string, exported bool, old *Set) *Set {
	g.mu.Lock()
	defer g.mu.Unlock()
	set, present := &Set{}, byIdentity(old.all())
	for _, c := range g.rules {
		if c.Limit.Unlimited() || c.Place == config.AtHandler || !config.Match(c.Event, subject) {
			continue
		}
		if c.Place == config.AtExport && !exported {
			continue // nothing of the type is sent: it may not be refused for that
		}
		r := present[c.Identity()]
		if r == nil || r.config != c {
			r = g.newLocked(subject, steps.At(steps.Kind(c.Place)), c, r)
		}
		switch {
		case c.Place == config.AtEmit:
			set.Emit = append(set.Emit, r)
		case c.Place == config.AtImport:
			set.Import = append(set.Import, r)
		case c.Limit.Policy == config.Refuse:
			set.ExportRefuse = append(set.ExportRefuse, r)
		default:
			set.Export = append(set.Export, r)
		}
	}
	for _, list := range [][]*Rule{set.Emit, set.ExportRefuse, set.Export, set.Import} {
		slices.SortFunc(list, (*Rule).Order)
	}
	g.endLocked(old.all(), set.all())
	return set
}

// all lists the rules; none for nil.
func (s *Set) all() []*Rule {
	if s == nil {
		return nil
	}
	return slices.Concat(s.Emit, s.ExportRefuse, s.Export, s.Import)
}

func byIdentity(rules []*Rule) map[config.RuleID]*Rule {
	by := map[config.RuleID]*Rule{}
	for _, r := range rules {
		by[r.config.Identity()] = r
	}
	return by
}

// HandlerSet makes the rules of a handler for an event type; nil if there are none. A mixed handler
// gets events of other types too. The set keeps those rules of an older one that stay the same, and
// the calls under way and the waiting for those of which only the numbers change. old may be nil.
func (g *Gate) HandlerSet(subject string, place steps.Place, mixed bool, old *HandlerSet) *HandlerSet {
	g.mu.Lock()
	defer g.mu.Unlock()
	set, present := &HandlerSet{}, byIdentity(old.all())
	for _, c := range g.rules {
		if c.Place != config.AtHandler || !config.Match(c.Event, subject) || c.Handler != "" && c.Handler != place.Handler {
			continue
		}
		r := present[c.Identity()]
		if r == nil || r.config != c {
			r = g.newLocked(subject, place, c, r)
			r.mixed = mixed
		}
		if r.calls == nil {
			set.Rates = append(set.Rates, r)
		} else {
			set.Calls = append(set.Calls, r)
		}
	}
	slices.SortFunc(set.Rates, (*Rule).Order)
	slices.SortFunc(set.Calls, (*Rule).Order)
	g.endLocked(old.all(), set.all())
	if len(set.all()) == 0 {
		return nil
	}
	return set
}
