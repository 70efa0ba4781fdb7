package mesh

import (
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/gate"
	"maps"
	"slices"
)

// ruleSet is what an event type has to pass at each place. It never changes;
// another one takes its place.
type ruleSet struct {
	emit         []*limit
	exportRefuse []*limit // asked on emit, whose caller gets the error
	export       []*limit // asked behind the queue: all others
	imports      []*limit
}

// narrowness orders rules: see limit.order.
var narrowness = map[By]int{ByKey: 0, ByPeer: 1, ByRoot: 2, ByType: 3}

// rulesLocked makes the rule set of a subject. Buckets are taken over from old
// limits whose rule is the same.
func (n *Node) rulesLocked(subject string, old *ruleSet) *ruleSet {
	set := &ruleSet{}
	kept := old.byRule()
	for _, r := range n.rules {
		if r.Limit.Unlimited() || r.Place == AtHandler || !config.Match(r.Event, subject) {
			continue
		}
		if r.Place == AtExport && n.config.Export(subject) == nil {
			continue // nothing of the type is sent: it may not be refused for that
		}
		l := kept[r]
		if l == nil {
			l = n.newLimitLocked(subject, string(r.Place), r)
		}
		switch {
		case r.Place == AtEmit:
			set.emit = append(set.emit, l)
		case r.Place == AtImport:
			set.imports = append(set.imports, l)
		case r.Limit.Policy == Refuse:
			set.exportRefuse = append(set.exportRefuse, l)
		default:
			set.export = append(set.export, l)
		}
	}
	for _, list := range [][]*limit{set.emit, set.exportRefuse, set.export, set.imports} {
		slices.SortFunc(list, (*limit).order)
	}
	return set
}

func (s *ruleSet) byRule() map[Rule]*limit {
	if s == nil {
		return nil
	}
	limits := map[Rule]*limit{}
	for _, list := range [][]*limit{s.emit, s.exportRefuse, s.export, s.imports} {
		for _, l := range list {
			limits[l.rule] = l
		}
	}
	return limits
}

// Rules gives the rules in force, with defaults filled in; those of exports and
// imports too.
func (n *Node) Rules() []Rule {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.rules)
}

// SetRules replaces all rules of the running node, those of exports and imports
// too: change what [Node.Rules] gave. No event is lost by it, and the buckets of
// rules that stay the same are kept. Events that wait for a token of an old rule
// wait for it to the end; those that an old rule keeps go at once. A concurrency
// may change alone: under a higher one waiting calls go on at once, under a lower
// one those under way finish. The error is that of [Config.Validate], with fields
// of "limits"; then nothing has changed.
func (n *Node) SetRules(rules []Rule) error {
	if err := config.CheckRules(rules, n.config.Exports, n.config.Handlers); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rules = make([]Rule, len(rules))
	for i, r := range rules {
		n.rules[i] = r.WithDefaults()
	}
	// Before the new rules are in force, so that nothing overtakes what was kept.
	n.coalescing = slices.DeleteFunc(n.coalescing, func(l *limit) bool {
		gone := !slices.Contains(n.rules, l.rule)
		if gone {
			l.coalescer.close()
		}
		return gone
	})
	maps.DeleteFunc(n.rootBuckets, func(r Rule, _ *gate.Keyed[string]) bool { return !slices.Contains(n.rules, r) })
	for _, t := range n.table.Load().types {
		t.rules.Store(n.rulesLocked(t.subject, t.rules.Load()))
		n.limitHandlersLocked(t)
	}
	return nil
}
