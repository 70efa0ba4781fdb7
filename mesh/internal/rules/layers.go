package rules

import (
	"maps"
	"slices"

	"leafmesh/mesh/config"
)

// Layers are the rules of a node, with defaults filled in: at the bottom those that hold for good,
// and above them what holds for a time. What ends takes its own layer away and nothing else, so
// that a change of one rule outlives the end of another one's. A value of it never changes: whoever
// cannot put the next one in force still has this one.
type Layers struct {
	good []config.Rule
	// instead are all rules for a time; nil: there is no such layer.
	instead *[]config.Rule
	// each has what holds for a time in the place of single rules.
	each map[config.RuleID]above
}

// above is what lies above one rule: changes of it, in the order in which they were made, or else
// another rule, or nothing, which leaves it out.
type above struct {
	rule    *config.Rule
	changes []config.LimitChange
}

// over returns what holds above a rule, or above none; nil: nothing does.
func (a above) over(below *config.Rule) *config.Rule {
	if len(a.changes) == 0 || below == nil {
		return a.rule
	}
	changed := *below
	for _, c := range a.changes {
		changed = c.Apply(changed)
	}
	return &changed
}

// changed is the same with one more change. Those of which nothing is left then go: who changes a
// number again and again, each time for a time, makes one change.
func (a above) changed(c config.LimitChange) above {
	switch {
	case len(a.changes) > 0:
		return above{changes: append(slices.DeleteFunc(slices.Clone(a.changes), c.Covers), c)}
	case a.rule != nil:
		now := c.Apply(*a.rule)
		return above{rule: &now}
	}
	return a
}

// NewLayers makes layers of rules that hold for good.
func NewLayers(rules []config.Rule) Layers {
	good := make([]config.Rule, len(rules))
	for i, r := range rules {
		good[i] = r.WithDefaults()
	}
	return Layers{good: good}
}

// InForce lists the rules that hold now.
func (l Layers) InForce() []config.Rule {
	rules, rest := make([]config.Rule, 0, len(l.below())+len(l.each)), maps.Clone(l.each)
	for _, r := range l.below() {
		holds := &r
		if above, found := l.each[r.Identity()]; found {
			holds = above.over(&r)
			delete(rest, r.Identity())
		}
		if holds != nil {
			rules = append(rules, *holds)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(rest), func(a, b config.RuleID) int { return slices.Compare(a[:], b[:]) }) {
		if holds := rest[id].over(nil); holds != nil {
			rules = append(rules, *holds)
		}
	}
	return rules
}

// below lists what the single rules lie above.
func (l Layers) below() []config.Rule {
	if l.instead != nil {
		return *l.instead
	}
	return l.good
}

// Find returns the rule of an identity that holds now; nil: there is none.
func (l Layers) Find(id config.RuleID) *config.Rule {
	return find(l.InForce(), id)
}

// FindLeftOut returns the rule of an identity that would hold if none were left out for a time;
// nil: there is none.
func (l Layers) FindLeftOut(id config.RuleID) *config.Rule {
	if rule := find(l.below(), id); rule != nil {
		return rule
	}
	return find(l.good, id)
}

func find(list []config.Rule, id config.RuleID) *config.Rule {
	for _, r := range list {
		if r.Identity() == id {
			return &r
		}
	}
	return nil
}

// Passes reports whether something holds for a time in the place of the rule of an identity, or of
// all rules if it is zero.
func (l Layers) Passes(id config.RuleID) bool {
	_, found := l.each[id]
	return found || id == config.RuleID{} && l.instead != nil
}

// Set replaces all rules, for good or for a time.
func (l Layers) Set(rules []config.Rule, passing bool) Layers {
	all := NewLayers(rules)
	if !passing {
		return all
	}
	return Layers{good: l.good, instead: &all.good}
}

// Put puts a rule, with defaults filled in, in the place of that of an identity, for good or for a
// time; nil leaves it out. For good it is also among all rules that hold for a time, and stays when
// those end.
func (l Layers) Put(id config.RuleID, rule *config.Rule, passing bool) Layers {
	next := Layers{l.good, l.instead, maps.Clone(l.each)}
	if passing {
		return next.lay(id, above{rule: rule})
	}
	delete(next.each, id)
	next.good = put(l.good, id, rule)
	if l.instead != nil {
		all := put(*l.instead, id, rule)
		next.instead = &all
	}
	return next
}

// Change changes numbers of a rule, for a time or for good. For good it does so wherever the rule
// is: what holds for a time ends as it would have, and leaves the change behind. To put the changed
// rule in force everywhere instead would keep for good, or for the time of the change, what else
// holds for a time.
func (l Layers) Change(c config.LimitChange, passing bool) Layers {
	next := Layers{l.good, l.instead, maps.Clone(l.each)}
	over, found := l.each[c.ID]
	switch {
	case found:
		next.each[c.ID] = over.changed(c)
	case passing:
		next = next.lay(c.ID, above{changes: []config.LimitChange{c}})
	}
	if passing {
		return next
	}
	changed := func(list []config.Rule) []config.Rule {
		rule := find(list, c.ID)
		if rule == nil {
			return list
		}
		now := c.Apply(*rule)
		return put(list, c.ID, &now)
	}
	next.good = changed(l.good)
	if l.instead != nil {
		all := changed(*l.instead)
		next.instead = &all
	}
	return next
}

// lay puts something above a rule. The layers are those of the caller alone.
func (l Layers) lay(id config.RuleID, over above) Layers {
	if l.each == nil {
		l.each = map[config.RuleID]above{}
	}
	l.each[id] = over
	return l
}

// Undo gives the layers before all rules were replaced for good, with each rule as it is now that
// has been changed since, and with all rules for a time if they were set since.
func (l Layers) Undo(replaced, before Layers) Layers {
	next := Layers{before.good, before.instead, maps.Clone(before.each)}
	if l.instead != nil {
		next.instead = l.instead
	}
	for _, r := range slices.Concat(replaced.good, l.good) {
		id := r.Identity()
		now, was := find(l.good, id), find(replaced.good, id)
		if now == nil || was == nil || *now != *was {
			next = next.Put(id, now, false)
		}
	}
	for id, over := range l.each {
		next = next.lay(id, over)
	}
	return next
}

// put is a list with a rule in the place of that of an identity, or without it.
func put(list []config.Rule, id config.RuleID, rule *config.Rule) []config.Rule {
	list = slices.Clone(list)
	at := slices.IndexFunc(list, func(r config.Rule) bool { return r.Identity() == id })
	switch {
	case at < 0 && rule != nil:
		list = append(list, *rule)
	case at >= 0 && rule != nil:
		list[at] = *rule
	case at >= 0:
		list = slices.Delete(list, at, at+1)
	}
	return list
}

// End takes away what holds in the place of one rule for a time.
func (l Layers) End(id config.RuleID) Layers {
	next := Layers{l.good, l.instead, maps.Clone(l.each)}
	delete(next.each, id)
	return next
}

// EndAll takes away what holds in the place of all rules for a time.
func (l Layers) EndAll() Layers { return Layers{good: l.good, each: l.each} }
