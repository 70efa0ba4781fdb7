package mesh

import (
	"fmt"
	"time"

	"leafmesh/mesh/internal/cascade"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/wire"
)

// Cascade bounds a cascade: all events descended from one root event. Depth,
// loops and deadline hold over all nodes, as they follow from what an event
// carries; the number of descendants is counted on each node.
type Cascade struct {
	// Root is the type of the root event; empty for all that have no entry.
	Root string `yaml:"root,omitempty"`
	// Depth is how many events may lie between the root and the deepest one;
	// default 16, at most 31, which is what the wire format holds. A cascade
	// that serves a purpose passes few services: the treasure hunt's is 4 deep.
	Depth int `yaml:"depth,omitempty"`
	// Descendants is how many events beside the root the cascade may have on this
	// node, emitted or imported, each retry counted, and each dead letter, which is
	// never refused; default
	// 1000, at most a million. Depth alone does not bound a cascade: fan-out 2
	// under depth 16 is 131,071 events.
	Descendants int `yaml:"descendants,omitempty"`
	// Loops is how often any type may recur in its own path; default 0. The higher
	// one of this and the type's own allowance counts. See [AllowLoop].
	Loops int `yaml:"loops,omitempty"`
	// Deadline is how long after the root events of the cascade are admitted, by
	// the clocks of the root's node and of this one; default 30s. The time that an
	// event and its ancestors waited in durable outboxes does not count: see
	// [Header.Waited].
	Deadline time.Duration `yaml:"deadline,omitempty"`
}

const (
	defaultDepth       = 16
	defaultDescendants = 1000
	defaultDeadline    = 30 * time.Second
	maxDescendants     = 1_000_000
	maxDepth           = wire.MaxPathSteps - 1
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
type CascadeError struct {
	RefusedError
	Root ID // the event that began the cascade
	// Limit is what the rule allows, and Value what the event would have made it:
	// events, or nanoseconds for the deadline.
	Limit, Value int64

	path *cascade.Path
	step string // the refused event's own; empty if path has it
}

// Path lists the steps from the root to the refused event, each "node:subject".
func (e *CascadeError) Path() []string {
	steps := e.path.Steps()
	if e.step != "" {
		steps = append(steps, e.step)
	}
	return steps
}

// Error names the rule, the numbers and the whole path.
func (e *CascadeError) Error() string {
	limit, value := fmt.Sprint(e.Limit), fmt.Sprint(e.Value)
	if e.Rule == gate.DeadlineRule.String() {
		limit, value = time.Duration(e.Limit).String(), time.Duration(e.Value).String()
	}
	path := e.path.String()
	if e.step != "" {
		path += " → " + e.step
	}
	return fmt.Sprintf("mesh: %s refused at %s by %s: %s is over %s, in the cascade of %s: %s",
		e.Type, e.Place, e.Rule, value, limit, e.Root, path)
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
	g := &guard{Guard: gate.NewGuard(maxCascades), bounds: map[string]*gate.Bounds{}, standard: Cascade{}.gateBounds()}
	for _, c := range cascades {
		if c.Root == "" {
			g.standard = c.gateBounds()
		} else {
			g.bounds[c.Root] = c.gateBounds()
		}
	}
	return g
}

func (c Cascade) gateBounds() *gate.Bounds {
	b := &gate.Bounds{Depth: c.Depth, Descendants: c.Descendants, Loops: c.Loops, Deadline: c.Deadline}
	if b.Depth == 0 {
		b.Depth = defaultDepth
	}
	if b.Descendants == 0 {
		b.Descendants = defaultDescendants
	}
	if b.Deadline == 0 {
		b.Deadline = defaultDeadline
	}
	return b
}

func (g *guard) boundsOf(path *cascade.Path) *gate.Bounds {
	if b := g.bounds[path.Root().Subject()]; b != nil {
		return b
	}
	return g.standard
}

// admitDescendant asks the guard about an event that a handler emits, and
// charges it to its cascade.
func (t *eventType) admitDescendant(parent *Header, allowance int, now int64) error {
	path := parent.path.Child(t.step)
	d := gate.Descendant{Root: parent.Root, RootTime: parent.Root.Time().UnixNano(), Waited: parent.waited,
		Depth: path.Depth(), Recurrence: path.Recurrence(), Allowance: allowance}
	if t.subject == DeadLetters.subject {
		// Wanted most at the end of a cascade that went too far. There is at most
		// one for each event that was admitted.
		t.node.guard.Charge(parent.Root, t.node.guard.boundsOf(path))
		return nil
	}
	refusal := t.node.guard.Check(&d, t.node.guard.boundsOf(path), now)
	if refusal.Rule == gate.Passed {
		return nil
	}
	t.outOfBounds[refusal.Rule].Add(1)
	return &CascadeError{RefusedError: RefusedError{Type: t.subject, Place: "emit", Rule: refusal.Rule.String()}, Root: parent.Root,
		Limit: refusal.Limit, Value: refusal.Value, path: parent.path, step: t.step}
}

// admitImported asks the guard about an event that came over a link.
func (t *eventType) admitImported(h *Header, now int64) error {
	if h.Depth() == 0 {
		return nil
	}
	// Loops were the emitting node's to judge: it knows the type's allowance.
	d := gate.Descendant{Root: h.Root, RootTime: h.Root.Time().UnixNano(), Waited: h.waited, Depth: h.Depth()}
	return t.refuseAt("import", h, t.node.guard.Check(&d, t.node.guard.boundsOf(h.path), now))
}

// chargeRetry charges one more try of a handler to the event's cascade.
func (n *Node) chargeRetry(h *Header, place string) error {
	refusal := n.guard.Charge(h.Root, n.guard.boundsOf(h.path))
	if refusal.Rule == gate.Passed {
		return nil
	}
	t, err := n.typeOf(h.Subject())
	if err != nil {
		return err
	}
	return t.refuseAt(place, h, refusal)
}

func (t *eventType) refuseAt(place string, h *Header, r gate.Refusal) error {
	if r.Rule == gate.Passed {
		return nil
	}
	t.node.counters.cell(t.subject, Refused, place, r.Rule.String()).Add(1)
	return &CascadeError{RefusedError: RefusedError{Type: t.subject, Place: place, Rule: r.Rule.String()}, Root: h.Root,
		Limit: r.Limit, Value: r.Value, path: h.path}
}
