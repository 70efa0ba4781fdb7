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
	set, kept := &Set{}, byConfig(old.all())
	for _, c := range g.rules {
		if c.Limit.Unlimited() || c.Place == config.AtHandler || !config.Match(c.Event, subject) {
			continue
		}
		if c.Place == config.AtExport && !exported {
			continue // nothing of the type is sent: it may not be refused for that
		}
		r := kept[c]
		if r == nil {
			r = g.newLocked(subject, steps.At(steps.Kind(c.Place)), c)
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
	return set
}

// all lists the rules; none for nil.
func (s *Set) all() []*Rule {
	if s == nil {
		return nil
	}
	return slices.Concat(s.Emit, s.ExportRefuse, s.Export, s.Import)
}

func byConfig(rules []*Rule) map[config.Rule]*Rule {
	by := map[config.Rule]*Rule{}
	for _, r := range rules {
		by[r.config] = r
	}
	return by
}

// HandlerSet makes the rules of a handler for an event type; nil if there are none. It keeps those
// of an older set that stay the same, and the calls under way for those of which only the numbers
// change. old may be nil.
func (g *Gate) HandlerSet(subject string, place steps.Place, old *HandlerSet) *HandlerSet {
	g.mu.Lock()
	defer g.mu.Unlock()
	set, kept, underWay := &HandlerSet{}, byConfig(old.all()), map[config.RuleID]*calls{}
	for _, r := range old.all() {
		if r.calls != nil {
			underWay[r.config.Identity()] = r.calls
		}
	}
	for _, c := range g.rules {
		if c.Place != config.AtHandler || !config.Match(c.Event, subject) || c.Handler != "" && c.Handler != place.Handler {
			continue
		}
		r := kept[c]
		if r == nil {
			r = g.newLocked(subject, place, c)
			if present := underWay[c.Identity()]; present != nil {
				r.calls = present
				present.setLimit(c.Concurrency)
			}
		}
		if r.calls == nil {
			set.Rates = append(set.Rates, r)
		} else {
			set.Calls = append(set.Calls, r)
			delete(underWay, c.Identity())
		}
	}
	for _, c := range underWay { // nobody waits for a rule that is gone
		c.setLimit(noBound)
	}
	if len(set.all()) == 0 {
		return nil
	}
	slices.SortFunc(set.Rates, (*Rule).Order)
	slices.SortFunc(set.Calls, (*Rule).Order)
	return set
}
