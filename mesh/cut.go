package mesh

import (
	"errors"
	"fmt"
)

// errCut is why a binding takes no event: it was cut by hand.
var errCut = errors.New("cut")

// Cut stops the events of a type from reaching one place, "handler judge" or
// "export", until [Node.Restore]. What is in a handler's queue is still handled.
// Events that come are dropped there, and counted as shed by the rule "cut"; all
// other places get them. The error is that of a type or place that the node does
// not know; places are those that [Node.Stats] shows. A durable export can not be
// cut, as its events are kept for the services it names: cut their handlers.
func (n *Node) Cut(subject, place string) error { return n.setCut(subject, place, true) }

// Restore undoes [Node.Cut].
func (n *Node) Restore(subject, place string) error { return n.setCut(subject, place, false) }

func (n *Node) setCut(subject, place string, cut bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.table.Load().types[subject]
	switch {
	case known == nil:
		return fmt.Errorf("mesh: node %s knows no event type %q", n.name, subject)
	case place == string(AtExport) && known.durable:
		return fmt.Errorf("mesh: the export of %s from node %s is durable and can not be cut: cut the handlers of the services it is kept for", subject, n.name)
	case place == string(AtExport) && known.export != nil:
		n.counters.tally(subject, place).cut.Store(cut) // there may have been no event yet
		return nil
	}
	for _, t := range n.counters.talliesOf(subject) {
		if t.place == place {
			t.cut.Store(cut)
			return nil
		}
	}
	return fmt.Errorf("mesh: on node %s no %q takes events of %s", n.name, place, subject)
}
