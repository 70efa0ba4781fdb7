package gate

import (
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// Bounds are what one cascade may do. A cascade is all events descended from one root event.
type Bounds struct {
	Depth       int           // events between the root and the deepest, at most
	Descendants int           // events of the cascade on this node beside the root, at most
	Loops       int           // how often a type may recur in its own path
	Deadline    time.Duration // at a greater age nothing of the cascade is admitted: see cause.Header.Age
}

// Bound is what a cascade was refused by.
type Bound uint8

// The bounds of the guard, in the order in which they are asked: the cheap ones first, and the one
// that charges the budget last.
const (
	Passed Bound = iota
	DepthBound
	LoopBound
	DeadlineBound
	DescendantsBound
	BoundCount
)

// String returns the name of the rule, as counters and errors have it.
func (b Bound) String() string {
	return [...]string{"", stats.CascadeDepth, stats.CascadeLoop, stats.CascadeDeadline, stats.CascadeDescendants}[b]
}

// Descendant is what the guard asks of an event that is not a root.
type Descendant struct {
	Root       [16]byte
	Age        time.Duration // what the cascade itself took so far: see cause.Header.Age
	Depth      int
	Recurrence int // how often its type stands earlier in its path
	Allowance  int // how often it may; the bounds' Loops count if they are higher
}

// Refusal says which bound an event would have broken, what the rule allows, and what the event
// would have made it.
type Refusal struct {
	Bound        Bound
	Limit, Value int64
}

// Guard keeps cascades within bounds. Depth, loops and deadline follow from the event alone;
// descendants are counted in a ledger. It is safe for concurrent use.
//
// The ledger has at most a stated number of cascades. When it is full the one that was longest
// without an event is forgotten, and counted. A cascade that is forgotten and then goes on begins
// its budget anew; depth, loops and deadline still bound it. To be forgotten a cascade must lie
// still while as many others as the ledger holds have an event, which a storming cascade does not.
type Guard struct {
	shards []ledger
}

// NewGuard makes a guard whose ledger holds at most the given number of cascades.
func NewGuard(cascades int) *Guard {
	count := min(shardCount, max(1, cascades/shardCount))
	g := &Guard{shards: make([]ledger, count)}
	for i := range g.shards {
		g.shards[i] = ledger{limit: max(1, cascades/count), accounts: map[[16]byte]*account{}}
	}
	return g
}

// Check says whether an event may be admitted, and charges it to its cascade if so.
func (g *Guard) Check(d *Descendant, b *Bounds) Refusal {
	if d.Depth > b.Depth {
		return Refusal{DepthBound, int64(b.Depth), int64(d.Depth)}
	}
	if allowed := max(d.Allowance, b.Loops); d.Recurrence > allowed {
		return Refusal{LoopBound, int64(allowed), int64(d.Recurrence)}
	}
	if d.Age > b.Deadline {
		return Refusal{DeadlineBound, int64(b.Deadline), int64(d.Age)}
	}
	return g.Charge(d.Root, b)
}

// Charge counts one event against the cascade's budget.
func (g *Guard) Charge(root [16]byte, b *Bounds) Refusal {
	l := &g.shards[int(root[15])%len(g.shards)] // the id's last byte is random
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accountLocked(root)
	if a.count >= b.Descendants {
		return Refusal{DescendantsBound, int64(b.Descendants), int64(a.count) + 1}
	}
	a.count++
	return Refusal{}
}

// GiveBack gives events back to the cascade's budget that were charged and will not be. One that
// was forgotten meanwhile has a fresh budget in any case.
func (g *Guard) GiveBack(root [16]byte, count int) {
	l := &g.shards[int(root[15])%len(g.shards)]
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[root]; a != nil {
		a.count = max(0, a.count-count)
	}
}

// Cascades is the number of cascades in the ledger.
func (g *Guard) Cascades() (sum int) {
	for i := range g.shards {
		g.shards[i].mu.Lock()
		sum += len(g.shards[i].accounts)
		g.shards[i].mu.Unlock()
	}
	return sum
}

// Forgotten counts the cascades that were taken out of the ledger to make room.
func (g *Guard) Forgotten() (sum uint64) {
	for i := range g.shards {
		g.shards[i].mu.Lock()
		sum += g.shards[i].evicted
		g.shards[i].mu.Unlock()
	}
	return sum
}

// maxCascades is how many cascades a node's ledger holds: some 8 MB. See [Guard] for what happens
// past it.
const maxCascades = 1 << 16

// Cascades is the cascade guard of a node: the guard, and the bounds that its configuration gives
// by the root's type.
type Cascades struct {
	*Guard
	inForce atomic.Pointer[boundsByRoot] // replaced as a whole
}

type boundsByRoot struct {
	bounds   map[string]*Bounds // by the root's type
	standard *Bounds            // for all others
}

// NewCascades makes the guard of a node.
func NewCascades(cascades []config.Cascade) *Cascades {
	g := &Cascades{Guard: NewGuard(maxCascades)}
	g.SetBounds(cascades)
	return g
}

// SetBounds replaces all bounds. What cascades have used of their budgets stays.
func (g *Cascades) SetBounds(cascades []config.Cascade) {
	next := &boundsByRoot{bounds: map[string]*Bounds{}, standard: boundsOf(config.Cascade{})}
	for _, c := range cascades {
		if c.Root == "" {
			next.standard = boundsOf(c)
		} else {
			next.bounds[c.Root] = boundsOf(c)
		}
	}
	g.inForce.Store(next)
}

func boundsOf(c config.Cascade) *Bounds {
	c = c.WithDefaults()
	return &Bounds{Depth: c.Depth, Descendants: c.Descendants, Loops: c.Loops, Deadline: c.Deadline}
}

func (g *Cascades) boundsOf(path *cause.Path) *Bounds {
	return g.inForce.Load().of(path.Root().Subject())
}

func (b *boundsByRoot) of(root string) *Bounds {
	if own := b.bounds[root]; own != nil {
		return own
	}
	return b.standard
}

// Bounds are those of cascades that begin with an event of a type.
func (g *Cascades) Bounds(root string) Bounds { return *g.inForce.Load().of(root) }

// Emit says whether a handler of the parent's event may emit one on a path and at an age, of a type
// that may recur so often in its own path. It charges the event if so.
func (g *Cascades) Emit(parent *cause.Header, path *cause.Path, allowance int, age time.Duration) Refusal {
	d := Descendant{Root: parent.Root, Age: age, Depth: path.Depth(), Recurrence: path.Recurrence(), Allowance: allowance}
	return g.Check(&d, g.boundsOf(path))
}

// Import says whether an event may come in over a link, and charges it if so. Loops were the
// emitting node's to judge: it knows the type's allowance.
func (g *Cascades) Import(h *cause.Header) Refusal {
	if h.Depth() == 0 {
		return Refusal{}
	}
	d := Descendant{Root: h.Root, Age: h.Age(), Depth: h.Depth()}
	return g.Check(&d, g.boundsOf(h.Lineage()))
}

// Add charges one more event to the cascade of an event.
func (g *Cascades) Add(h *cause.Header) Refusal { return g.Charge(h.Root, g.boundsOf(h.Lineage())) }

// GiveBack gives back what events were charged that the handler of an event emitted.
func (g *Cascades) GiveBack(h *cause.Header, count int) {
	if count > 0 {
		g.Guard.GiveBack(h.Root, count)
	}
}

// Stats is how full the ledger is.
func (g *Cascades) Stats() stats.Cascades {
	return stats.Cascades{Known: g.Cascades(), Forgotten: g.Forgotten()}
}

// AsError is the error of an event on a path that was refused, a stats.CascadeError; nil if it was
// not. Its text is made when somebody reads it.
func (r Refusal) AsError(place string, root cause.ID, path *cause.Path) error {
	if r.Bound == Passed {
		return nil
	}
	return stats.CascadeError{RefusedError: stats.RefusedError{Type: path.Subject(), Place: place, Rule: r.Bound.String()},
		Root: root, Limit: r.Limit, Value: r.Value, Lineage: path}
}
