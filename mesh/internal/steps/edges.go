package steps

import (
	"slices"
	"sync"
	"sync/atomic"
)

// maxEdges bounds what a node learns. A program has some tens of edges; more come only of a handler
// of all types under a wildcard.
const maxEdges = 1024

// edges is which event types led to which on a node, by handler: what the handlers' emits have
// shown so far.
type edges struct {
	full    atomic.Bool
	other   Edge                // all edges past maxEdges
	learned func(*Tally, *Type) // called for each edge that is new; may be nil

	mu   sync.Mutex
	list []*Edge // guarded by mu; an edge is never taken out
}

// Edge counts the events of one type that one handler emitted for those of another.
type Edge struct {
	From *Tally // of the parent's type at the handler
	To   *Type
	// emitted has those that took effect, refused those that the cascade guard refused. Without the
	// latter no cycle would ever have a gain over one: a cascade that ends has fewer emitted events
	// than handled ones.
	emitted, refused counter
}

// counter stands on a cache line of its own.
type counter struct {
	atomic.Uint64
	_ [56]byte
}

// Emitted is how many events took effect.
func (e *Edge) Emitted() uint64 { return e.emitted.Load() }

// Refused is how many events the cascade guard refused.
func (e *Edge) Refused() uint64 { return e.refused.Load() }

// children are the edges that begin at a tally. They are found by a scan, as a handler emits few
// types, without a lock: the list is replaced as a whole.
type children struct{ list atomic.Pointer[[]child] }

type child struct {
	to   *Type
	edge *Edge
}

// Emits counts an event that the tally's handler emitted for one of the tally's type. A nil tally
// has no handler.
func (t *Tally) Emits(to *Type) {
	if t != nil {
		t.edge(to).emitted.Add(1)
	}
}

// Refuses counts an event that the cascade guard refused to the tally's handler.
func (t *Tally) Refuses(to *Type) { t.edge(to).refused.Add(1) }

func (t *Tally) edge(to *Type) *Edge {
	if list := t.children.list.Load(); list != nil {
		for i := range *list {
			if c := &(*list)[i]; c.to == to {
				return c.edge
			}
		}
	}
	return t.edges.learn(t, to)
}

// learn returns an edge that is not known yet.
func (l *edges) learn(from *Tally, to *Type) *Edge {
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
	if len(l.list) >= maxEdges {
		l.full.Store(true)
		return &l.other
	}
	e := &Edge{From: from, To: to}
	l.list = append(l.list, e)
	list = append(list, child{to, e})
	from.children.list.Store(&list)
	if l.learned != nil {
		l.learned(from, to)
	}
	return e
}

// all lists the edges learned so far.
func (l *edges) all() []*Edge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}
