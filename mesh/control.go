package mesh

import (
	"fmt"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/steps"
	"slices"
)

// Rules lists the rules in force, with defaults filled in; those of exports and imports too.
func (n *Node) Rules() []config.Rule { return n.gate.Rules() }

// SetRules replaces all rules of the running node, those of exports and imports too: change what
// [Node.Rules] returned. No event is lost by it, and the buckets of rules that stay the same are
// kept. Events that wait for a rule of which only numbers change wait by the new ones; those that
// wait for a rule that is gone, or were coalesced by one that changes, go at once. A concurrency may
// change alone: under a higher one waiting calls go on at once, under a lower one those under way
// finish. The error is that of config.CheckRules; then nothing
// has changed.
func (n *Node) SetRules(rules []config.Rule) error {
	if err := config.CheckRules(rules, n.config.Exports, n.config.Handlers); err != nil {
		return err
	}
	n.table.mu.Lock()
	defer n.table.mu.Unlock()
	n.gate.Replace(slices.Clone(rules))
	for _, t := range n.table.Load().types {
		t.putRulesInForceLocked()
	}
	return nil
}

// Cut stops the events of a type from reaching one place, "handler judge" or "export", until
// [Node.Restore]. What is in a handler's queue is still handled. Events that come are dropped
// there, and counted as shed by the rule "cut"; all other places get them. The error is that of a
// type or place that the node does not know; places are those that [Node.Stats] shows. A durable
// export can not be cut, as its events are kept for the services it names: cut their handlers.
func (n *Node) Cut(subject, place string) error { return n.setCut(subject, place, true) }

// Restore undoes [Node.Cut].
func (n *Node) Restore(subject, place string) error { return n.setCut(subject, place, false) }

func (f *flow) setCut(subject, place string, cut bool) error {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	known, export := f.table.Load().types[subject], steps.At(steps.Export)
	switch {
	case known == nil:
		return fmt.Errorf("mesh: node %s knows no event type %q", f.name, subject)
	case place == export.String() && known.durable:
		return fmt.Errorf("mesh: the export of %s from node %s is durable and can not be cut: cut the handlers of the services it is kept for", subject, f.name)
	case place == export.String() && known.export != nil:
		known.subscriptionLocked(export).Cut.Store(cut) // there may have been no event yet
		return nil
	}
	for at, s := range known.places {
		if at.String() == place {
			s.Cut.Store(cut)
			return nil
		}
	}
	return fmt.Errorf("mesh: on node %s no %q takes events of %s", f.name, place, subject)
}
