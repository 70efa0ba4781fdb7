package mesh

import (
	"slices"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/stats"
)

// eventType is one subject on one node: its rules, its counters and who takes
// its events. It is made once, when the node opens or when the first event of
// the subject comes; then only its rules may be replaced.
type eventType struct {
	node     *Node
	subject  string
	step     string // "clue-1:clue.answer.judged"
	root     *cause.Path
	export   *Export
	durable  bool      // the export goes by way of the outbox
	handlers []binding // in their order
	inbound  []binding // who takes imported events: the handlers and the tap

	rules    atomic.Pointer[ruleSet]
	admitted *counter
	// outOfBounds counts what the cascade guard refused on emit, by its rules.
	outOfBounds [gate.RuleCount]*counter
	imported    *counter
	stored      *counter
	badKey      *RefusedError
}

// routes is a node's table of what it knows, replaced as a whole when a type
// is added, so that an event finds its route without a lock.
type routes struct {
	types  map[string]*eventType
	routes []any // *route[T] by Event[T].index
}

// typedRoute is an event type together with the Go type it is emitted as.
type typedRoute[T any] struct {
	*eventType
	targets []binding
	// typed holds, in the places of targets, those that take a T as it is; nil
	// for those that take another Go type, by way of the codec.
	typed   []*subscription[T]
	foreign bool // some of typed is nil
	sharded bool // some target has several workers: the key's hash is needed
	wired   bool // events may be encoded: the key must suit the wire
}

// routeOf gives the event's route on the node. After the first event of the
// type it costs an atomic load and an index.
func routeOf[T any](n *Node, e *Event[T]) (*typedRoute[T], error) {
	table := n.table.Load()
	if e.index < len(table.routes) {
		if r, ok := table.routes[e.index].(*typedRoute[T]); ok {
			return r, nil
		}
	}
	return makeRoute(n, e)
}

func makeRoute[T any](n *Node, e *Event[T]) (*typedRoute[T], error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	table := n.table.Load()
	if e.index < len(table.routes) && table.routes[e.index] != nil {
		return table.routes[e.index].(*typedRoute[T]), nil
	}
	if n.sealed {
		return nil, ErrClosed
	}
	t, err := n.typeLocked(e.subject)
	if err != nil {
		return nil, err
	}
	r := newRouteLocked[T](n, t)
	fresh := *n.table.Load()
	fresh.routes = make([]any, max(len(fresh.routes), e.index+1))
	copy(fresh.routes, n.table.Load().routes)
	fresh.routes[e.index] = r
	n.table.Store(&fresh)
	return r, nil
}

// newRouteLocked binds an event type to the Go type it is emitted as.
func newRouteLocked[T any](n *Node, t *eventType) *typedRoute[T] {
	r := &typedRoute[T]{eventType: t}
	r.targets = slices.Clone(t.handlers)
	if exported := t.export != nil && !t.durable; exported || n.config.Tap != nil {
		r.targets = append(r.targets, newOutlet[T](n, t, exported))
	}
	r.wired = t.export != nil || n.config.Tap != nil || n.codecCheck
	r.typed = make([]*subscription[T], len(r.targets))
	for i, b := range r.targets {
		if s, ok := b.(*subscription[T]); ok && !n.codecCheck {
			r.typed[i] = s
		} else {
			r.foreign = true
		}
		r.sharded = r.sharded || b.width() > 1
	}
	return r
}

// maxTypes bounds what a program costs that makes event types while it runs: each
// one has counters and a place in the table, for as long as the node lives.
const maxTypes = 4096

// typeOf gives the subject's event type, or nil if the node knows too many.
func (n *Node) typeOf(subject string) (*eventType, error) {
	if t := n.table.Load().types[subject]; t != nil {
		return t, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.typeLocked(subject)
}

func (n *Node) typeLocked(subject string) (*eventType, error) {
	table := n.table.Load()
	if t := table.types[subject]; t != nil {
		return t, nil
	}
	if len(table.types) >= maxTypes {
		n.counters.cell("(other)", stats.Refused, "emit", stats.TooManyTypes).Add(1)
		return nil, &RefusedError{Type: subject, Place: "emit", Rule: stats.TooManyTypes}
	}
	t := n.newType(subject)
	fresh := *table
	fresh.types = make(map[string]*eventType, len(table.types)+1)
	for s, other := range table.types {
		fresh.types[s] = other
	}
	fresh.types[subject] = t
	n.table.Store(&fresh)
	return t, nil
}

func (n *Node) newType(subject string) *eventType {
	t := &eventType{
		node: n, subject: subject, step: n.name + ":" + subject,
		admitted: n.counters.cell(subject, stats.Admitted, "", ""),
		imported: n.counters.cell(subject, stats.Imported, "", ""),
		stored:   n.counters.cell(subject, stats.Stored, "", ""),
		badKey:   &RefusedError{Type: subject, Place: "emit", Rule: stats.BadKey},
	}
	t.root = n.paths.Root(t.step)
	for rule := gate.DepthRule; rule < gate.RuleCount; rule++ {
		t.outOfBounds[rule] = n.counters.cell(subject, stats.Refused, "emit", rule.String())
	}
	for i := range n.config.Exports {
		if n.config.Exports[i].Event == subject {
			t.export = &n.config.Exports[i]
			t.durable = t.export.IsDurable()
		}
	}
	t.rules.Store(n.rulesLocked(subject, nil))
	defer n.limitHandlersLocked(t) // once they are bound
	for _, h := range n.handlers {
		if config.Match(h.pattern, subject) {
			t.handlers = append(t.handlers, h.receiver.bind(t))
		}
	}
	t.inbound = t.handlers
	if n.config.Tap != nil && n.config.HasImport(subject) {
		t.inbound = append(slices.Clone(t.handlers), newOutlet[Any](n, t, false))
	}
	return t
}
