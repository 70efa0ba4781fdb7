package mesh

import (
	"fmt"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/stats"
)

// maxCascades is how many cascades a node's ledger holds: some 8 MB. See
// gate.Guard for what happens past it.
const maxCascades = 1 << 16

// ErrCascade is found by errors.Is in each refusal of the cascade guard. Such a
// refusal is final: a handler that returns it is not tried again.
var ErrCascade = fmt.Errorf("%w: cascade out of bounds", ErrRefused)

// CascadeError says which bound of its cascade an event would have broken.
//
// The place is "emit", "import" or "handler <name>"; the rule is
// "cascade-depth", "cascade-loop", "cascade-deadline" or "cascade-descendants".
// It must not be changed: emits of one type in one handler call may get the same
// error.
type CascadeError struct {
	RefusedError
	Root ID // the event that began the cascade
	// Limit is what the rule allows, and Value what the event would have made it:
	// events, or nanoseconds for the deadline.
	Limit, Value int64

	path *cause.Path // of the refused event
	rule gate.Rule
}

// Path lists the steps from the root to the refused event, each "node:subject".
func (e *CascadeError) Path() []string { return e.path.Steps() }

// Error names the rule, the numbers and the whole path.
func (e *CascadeError) Error() string {
	limit, value := fmt.Sprint(e.Limit), fmt.Sprint(e.Value)
	if e.rule == gate.DeadlineRule {
		limit, value = time.Duration(e.Limit).String(), time.Duration(e.Value).String()
	}
	return fmt.Sprintf("mesh: %s refused at %s by %s: %s is over %s, in the cascade of %s: %s",
		e.Type, e.Place, e.Rule, value, limit, e.Root, e.path)
}

// Unwrap lets errors.Is find ErrCascade and ErrRefused, and errors.As the
// RefusedError.
func (e *CascadeError) Unwrap() []error { return []error{ErrCascade, &e.RefusedError} }

// guard is the gate's cascade guard on a node.
type guard struct {
	*gate.Guard
	bounds   map[string]*gate.Bounds // by the root's type
	standard *gate.Bounds            // for all others
}

func newGuard(cascades []Cascade) *guard {
	g := &guard{Guard: gate.NewGuard(maxCascades), bounds: map[string]*gate.Bounds{}, standard: boundsOf(Cascade{})}
	for _, c := range cascades {
		if c.Root == "" {
			g.standard = boundsOf(c)
		} else {
			g.bounds[c.Root] = boundsOf(c)
		}
	}
	return g
}

func (g *guard) stats() stats.Cascades {
	return stats.Cascades{Known: g.Cascades(), Forgotten: g.Forgotten()}
}

func boundsOf(c Cascade) *gate.Bounds {
	c = c.WithDefaults()
	return &gate.Bounds{Depth: c.Depth, Descendants: c.Descendants, Loops: c.Loops, Deadline: c.Deadline}
}

func (g *guard) boundsOf(path *cause.Path) *gate.Bounds {
	if b := g.bounds[path.Root().Subject()]; b != nil {
		return b
	}
	return g.standard
}

// refusal is what the guard refused to a handler.
type refusal struct {
	to        *eventType
	allowance int
	err       *CascadeError
}

// admit asks the guard about an event that the turn's handler emits, and
// charges it to its cascade. It gives the event's path, and the time.
//
// In a storm most emits are refused, and a handler that looks at no error goes
// on. A bound that one event of a type would have broken is broken for the next
// one of the turn too: it gets the same error, and costs the guard nothing.
func (t *turn) admit(to *eventType, allowance int) (path *cause.Path, now int64, err error) {
	s := t.stage
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.presentLocked(t) {
		return nil, 0, ErrHandlerReturned
	}
	if r := &s.refusal; r.to == to && r.allowance == allowance {
		to.countRefused(s.source, r.err.rule)
		return nil, 0, r.err
	}
	path, now = s.header.Lineage().Child(to.step), to.node.clock.now()
	if refused := to.admitDescendant(&s.header, path, allowance, now); refused != nil {
		to.countRefused(s.source, refused.rule)
		if refused.rule != gate.DeadlineRule { // its numbers change
			s.refusal = refusal{to, allowance, refused}
		}
		return nil, 0, refused
	}
	return path, now, nil
}

// countRefused counts an event that a handler may not emit.
func (t *eventType) countRefused(source *tally, rule gate.Rule) {
	t.outOfBounds[rule].Add(1)
	source.edge(t).refused.Add(1)
}

// admitDescendant asks the guard, and charges the event if it is admitted.
func (t *eventType) admitDescendant(parent *Header, path *cause.Path, allowance int, now int64) *CascadeError {
	g := t.node.guard
	if t.subject == DeadLetters.subject {
		// Wanted most at the end of a cascade that went too far. There is at most
		// one for each event that was admitted.
		g.Charge(parent.Root, g.boundsOf(path))
		return nil
	}
	d := gate.Descendant{Root: parent.Root, RootTime: parent.Root.Time().UnixNano(), Waited: int64(parent.Waited()),
		Depth: path.Depth(), Recurrence: path.Recurrence(), Allowance: allowance}
	return t.cascadeError("emit", parent.Root, path, g.Check(&d, g.boundsOf(path), now))
}

// admitImported asks the guard about an event that came over a link.
func (t *eventType) admitImported(h *Header, now int64) error {
	if h.Depth() == 0 {
		return nil
	}
	// Loops were the emitting node's to judge: it knows the type's allowance.
	d := gate.Descendant{Root: h.Root, RootTime: h.Root.Time().UnixNano(), Waited: int64(h.Waited()), Depth: h.Depth()}
	return t.refuseAt("import", h, t.node.guard.Check(&d, t.node.guard.boundsOf(h.Lineage()), now))
}

// chargeRetry charges one more try of a handler to the event's cascade.
func (n *Node) chargeRetry(h *Header, place string) error {
	refusal := n.guard.Charge(h.Root, n.guard.boundsOf(h.Lineage()))
	if refusal.Rule == gate.Passed {
		return nil
	}
	t, err := n.typeOf(h.Subject())
	if err != nil {
		return err
	}
	return t.refuseAt(place, h, refusal)
}

// refuseAt counts a refusal that is none of emit, and makes its error.
func (t *eventType) refuseAt(place string, h *Header, r gate.Refusal) error {
	refused := t.cascadeError(place, h.Root, h.Lineage(), r)
	if refused == nil {
		return nil
	}
	t.node.counters.cell(t.subject, stats.Refused, place, refused.Rule).Add(1)
	return refused
}

// cascadeError makes the error of a refusal; nil if it is none. Its text is made
// when somebody reads it.
func (t *eventType) cascadeError(place string, root ID, path *cause.Path, r gate.Refusal) *CascadeError {
	if r.Rule == gate.Passed {
		return nil
	}
	return &CascadeError{RefusedError: RefusedError{Type: t.subject, Place: place, Rule: r.Rule.String()}, Root: root,
		Limit: r.Limit, Value: r.Value, path: path, rule: r.Rule}
}
