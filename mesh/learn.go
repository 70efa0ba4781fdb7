package mesh

import (
	"slices"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/graph"
)

// maxEdges bounds what a node learns. A program has some tens of edges; more come
// only of a handler of all types under a wildcard.
const maxEdges = 1024

// learned is which event types led to which on a node, by handler: what the
// handlers' emits have shown so far.
type learned struct {
	full  atomic.Bool
	other edge // all edges past maxEdges

	mu    sync.Mutex
	edges []*edge // guarded by mu; an edge is never taken out
}

// edge counts the events of one type that one handler emitted for those of
// another.
type edge struct {
	from    *tally // of the parent's type at the handler
	to      *eventType
	workers int
	// count has those that took effect, refused those that the cascade guard
	// refused. Without the latter no cycle would ever have a gain over one: a
	// cascade that ends has fewer emitted events than handled ones.
	count, refused counter
}

// children are the edges that begin at a tally. They are found by a scan, as
// a handler emits few types, without a lock: the list is replaced as a whole.
type children struct{ list atomic.Pointer[[]child] }

type child struct {
	to   *eventType
	edge *edge
}

// emits counts an event that the tally's handler emitted for one of the tally's
// type. A nil tally has no handler.
func (t *tally) emits(to *eventType) {
	if t != nil {
		t.edge(to).count.Add(1)
	}
}

func (t *tally) edge(to *eventType) *edge {
	if list := t.children.list.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.to == to {
				return c.edge
			}
		}
	}
	return to.node.learned.learn(t, to)
}

// learn gives an edge that is not known yet.
func (l *learned) learn(from *tally, to *eventType) *edge {
	if l.full.Load() {
		return &l.other
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []child
	if known := from.children.list.Load(); known != nil {
		list = slices.Clone(*known)
	}
	for _, c := range list {
		if c.to == to {
			return c.edge // another worker was first
		}
	}
	if len(l.edges) >= maxEdges {
		l.full.Store(true)
		return &l.other
	}
	e := &edge{from: from, to: to, workers: to.node.workersAt(from)}
	l.edges = append(l.edges, e)
	list = append(list, child{to, e})
	from.children.list.Store(&list)
	to.node.warnUndeclared(from, to)
	return e
}

// workersAt is how many goroutines count at a handler's tally.
func (n *Node) workersAt(t *tally) int {
	if b := n.bindingAt(t.subject, t.place); b != nil {
		return b.width()
	}
	return 1
}

// bindingAt finds the handler that has a place among those of a type, or nil.
func (n *Node) bindingAt(subject, place string) binding {
	t := n.table.Load().types[subject]
	if t == nil {
		return nil
	}
	for _, b := range t.handlers {
		if b.label() == place {
			return b
		}
	}
	return nil
}

// list gives the edges learned so far.
func (l *learned) list() []*edge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.edges)
}

// samples reads the counts of all edges.
func (l *learned) samples() (samples []graph.Sample) {
	for _, e := range l.list() {
		samples = append(samples, graph.Sample{From: e.from.subject, To: e.to.subject, By: e.from.place,
			Count: e.count.Load() + e.refused.Load(), Handled: e.from.done(), Workers: e.workers})
	}
	return samples
}

// done counts the events that the handler is done with: handled or given up.
func (t *tally) done() uint64 { return t.handled.Load() + t.failed.Load() }
