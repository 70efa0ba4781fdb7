package mesh

import (
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// outletQueue is how many events of a type may wait to be sent before root events wait or are shed.
const outletQueue = 4096

// outletKind is what an outlet does.
type outletKind struct {
	exported bool // else it is for the tap alone
	sheds    bool // when its queue is full
}

// outlets are those of a route, guarded by the table's mu. One stays when its export ends, so that
// there is no second one when the export comes back.
type outlets map[outletKind]*delivery.Taker

// of finds an outlet, or makes it.
func (o outlets) of(kind outletKind, newOutlet func() *delivery.Taker) *delivery.Taker {
	if o[kind] == nil {
		o[kind] = newOutlet()
	}
	return o[kind]
}

// newOutletLocked makes the outlet of an event type: a consumer like a handler, with a queue of its
// own, so that a slow link delays no handler. Only events that this node emits are exported: what
// was imported is never sent on. Once the node has ended it takes nothing.
func newOutletLocked[T any](t *eventType, is outletKind, from func(*delivery.Content) (T, error)) *delivery.Taker {
	return t.bindOutletLocked(is, func(place steps.Place, s *config.HandlerSettings, p processor) consumer {
		return newConsumer(place, false, is.exported && t.flow.config.Tap != nil, s, from, p)
	})
}

// bindOutletLocked is newOutletLocked without the Go type, which only makes the consumer.
func (t *eventType) bindOutletLocked(is outletKind, newConsumer func(steps.Place, *config.HandlerSettings, processor) consumer) *delivery.Taker {
	f, place, settings := t.flow, steps.At(steps.Tap), config.HandlerSettings{Workers: 1, Queue: outletQueue, ShedWhenFull: true}
	spec := outlet.Spec{Env: &f.ports, AtTap: t.subscriptionLocked(place).Tally, Rules: func() []*rules.Rule { return t.rules.Load().Export }}
	if is.exported {
		place = steps.At(steps.Export)
		settings.ShedWhenFull = is.sheds
		spec.Export = t.subscriptionLocked(place)
	}
	c := newConsumer(place, &settings, func(q *queue.Core[delivery.Item], copyOf func(any) any) queue.Processor[delivery.Item] {
		spec.Copy = copyOf
		return outlet.New(spec, q)
	})
	f.workers.Add(c.Queues())
	return c.Bind(t.subscriptionLocked(place))
}

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
