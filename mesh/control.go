package mesh

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/registry"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Rules lists the rules in force, with defaults filled in; those of exports and imports too.
func (n *Node) Rules() []config.Rule { return n.gate.Rules() }

// SetRules replaces all rules of the running node, those of exports and imports too; to change one,
// use [Node.SetLimit]. Change what [Node.Rules] returned, or read the node's file again and give
// what its Rules method returns. Its Limits alone leave out those of exports and imports; the log
// warns of each that goes.
//
// No event is lost by it, and the buckets of rules that stay the same are kept. Events that wait
// for a rule of which only numbers change wait by the new ones; those that wait for a rule that is
// gone, or were coalesced by one that changes, go at once. A concurrency may change alone: under a
// higher one waiting calls go on at once, under a lower one those under way finish.
//
// It checks the rules as Open does, and its error has the same config.FieldErrors, with fields of
// "limits". If one rule is wrong nothing has changed.
func (n *Node) SetRules(rules []config.Rule) error { return n.changes.SetRulesFor(rules, 0, "") }

// SetLimit changes the numbers of one rule of the running node, and leaves its other rules as they
// are: two who change two rules at once both get what they want, and so do two who change two
// numbers of one rule. What holds for a time ends as it would have: then the rule is what it was
// before, with this change. [Node.SetRules] says what becomes of events that wait.
//
// ErrNotHere: the node has no rule of this identity, or no longer. A change of nothing, or one that
// makes the rule a wrong one, now or when what holds for a time ends, is refused with
// config.FieldErrors, with the fields of the rule, such as "limit.burst"; then nothing has changed.
func (n *Node) SetLimit(c config.LimitChange) error {
	_, err := n.changes.SetLimitFor(c, changes.Passing{})
	return err
}

// putRules puts rules in force that are checked.
func (f *flow) putRules(list []config.Rule) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	old := f.gate.Rules()
	f.gate.Replace(list)
	for _, t := range f.table.Load().types {
		t.putRulesInForceLocked()
	}
	f.warnOfUnbounded(old, f.gate.Rules())
}

func (f *flow) checkRules(list []config.Rule) error {
	return f.present.Load().CheckRules(list, registry.Has)
}

// warnOfUnbounded tells of the limits of exports and imports that new rules leave out. That may be
// meant. It may as well be that somebody gave the limits of a file and took them for all its
// rules.
func (f *flow) warnOfUnbounded(old, present []config.Rule) {
	within := func(rules []config.Rule, id config.RuleID) bool {
		return slices.ContainsFunc(rules, func(r config.Rule) bool { return r.Identity() == id })
	}
	for _, r := range f.present.Load().ExchangeRules() {
		if within(old, r.Identity()) && !within(present, r.Identity()) {
			f.log.Warn("the limit of an "+string(r.Place)+" is no longer in force", "type", r.Event)
		}
	}
}

// Cut stops the events of a type from reaching one place, "handler judge" or "export", until
// [Node.Restore]. What is in a handler's queue is still handled. Events that come are dropped
// there, and counted as shed by the rule "cut"; all other places get them. Those of a durable
// import are not lost: they go back to the outbox that they came from, and come again until the
// handler takes them. ErrNotHere: the node does not know the type or the place; places are those
// that [Node.Stats] shows. A durable export cannot be cut, as its events are kept for the services
// it names: cut their handlers.
func (n *Node) Cut(subject, place string) error { return n.changes.CutFor(subject, place, true, 0, "") }

// Restore undoes [Node.Cut].
func (n *Node) Restore(subject, place string) error {
	return n.changes.CutFor(subject, place, false, 0, "")
}

// Places lists where events of the types that the node knows go and can be cut, ordered by type and
// place, and whether they are. It may be called at any time, also after Close.
func (n *Node) Places() []stats.Place {
	n.table.mu.Lock()
	defer n.table.mu.Unlock()
	places := []stats.Place{}
	for subject, t := range n.table.Load().types {
		if export := steps.At(steps.Export); t.export != nil && !t.durable && t.places[export] == nil {
			places = append(places, stats.Place{Type: subject, Place: export.String()})
		}
		for at, s := range t.places {
			if at.Kind != steps.Export || t.export != nil && !t.durable {
				places = append(places, stats.Place{Type: subject, Place: at.String(), Cut: s.Cut.Load()})
			}
		}
	}
	slices.SortFunc(places, func(a, b stats.Place) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Place, b.Place))
	})
	return places
}

// setCut cuts a place or restores it, and reports whether it was cut.
func (f *flow) setCut(subject, place string, cut bool) (was bool, err error) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	known, export := f.table.Load().types[subject], steps.At(steps.Export)
	switch {
	case known == nil:
		return false, fmt.Errorf("%w: node %s knows no event type %q", stats.ErrNotHere, f.name, subject)
	case place == export.String() && known.durable:
		return false, fmt.Errorf("mesh: the export of %s from node %s is durable and cannot be cut: cut the handlers of the services it is kept for", subject, f.name)
	case place == export.String() && known.export != nil:
		return known.subscriptionLocked(export).Cut.Swap(cut), nil // there may have been no event yet
	}
	for at, s := range known.places {
		if at.String() == place && at != export { // it is not exported
			return s.Cut.Swap(cut), nil
		}
	}
	return false, fmt.Errorf("%w: on node %s no %q takes events of %s", stats.ErrNotHere, f.name, place, subject)
}
