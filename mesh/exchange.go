package mesh

import (
	"context"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
)

// setExports lets the types leave the node that a configuration exports, and no others. Durable
// exports stay as they are.
//
// An export that begins has its way out first, and then its readers, so that a reader which was
// welcomed misses nothing. One that ends goes the other way round: what was admitted to it leaves.
func (n *Node) setExports(c config.Node) error {
	ended, err := n.putExports(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(n.life.intake, leaveFor)
	defer cancel()
	for _, outlet := range ended {
		for !outlet.Idle() && ctx.Err() == nil {
			clock.Sleep(ctx, time.Millisecond)
		}
	}
	n.peers.Readers.SetExports(c.Exports)
	return nil
}

// setImports lets the types come in that a configuration imports, and no others, from the exporters
// that are there. Durable imports stay as they are.
func (n *Node) setImports(c config.Node) error {
	for _, i := range c.Imports {
		if _, err := n.typeOf(i.Event); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(n.life.intake, leaveFor)
	defer cancel()
	return n.peers.Inlets.SetImports(ctx, c.Imports)
}

// leaveFor is how long events have to leave and to arrive that are on their way when an export or
// an import ends. Those that are late, as behind a handler that takes long, count as unheard or
// lost.
const leaveFor = 2 * time.Second

// putExports gives all types the export that a configuration has of them, or none, with its rules.
// It returns the outlets to which nothing new comes.
func (f *flow) putExports(c config.Node) (ended []*delivery.Taker, err error) {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	for _, e := range c.Exports {
		if _, err := f.typeLocked(e.Event); err != nil {
			return nil, err
		}
	}
	turned := map[*eventType]bool{}
	for subject, t := range f.table.Load().types {
		exported := t.export != nil
		if t.export = c.Export(subject); exported != (t.export != nil) {
			turned[t] = true
			t.putRulesInForceLocked() // before the first event is sent
		}
	}
	for index, known := range f.table.Load().routes {
		if r, ok := known.(remade); ok && turned[r.base().eventType] {
			ended = append(ended, r.base().leaves()...)
			f.table.addLocked(index, r.againLocked())
		}
	}
	for subject, r := range f.table.encoded {
		if turned[r.eventType] {
			ended = append(ended, r.leaves()...)
			f.table.encoded[subject] = newRouteLocked[Any](r.eventType, r.outlets)
		}
	}
	return ended, nil
}

// remade is a route that is made again when its type's export begins or ends. Events that have a
// place by the former one go where that leads.
type remade interface {
	base() *route
	againLocked() any
}

func (r *route) base() *route { return r }

func (r *typedRoute[T]) againLocked() any { return newRouteLocked[T](r.eventType, r.outlets) }

// leaves are the outlets by which events of the route leave the node.
func (r *route) leaves() (all []*delivery.Taker) {
	for kind, outlet := range r.outlets {
		if kind.exported {
			all = append(all, outlet)
		}
	}
	return all
}
