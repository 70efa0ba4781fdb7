package gate

import (
	"sync"
	"time"
)

// Bounds are what one cascade may do. A cascade is all events descended from
// one root event.
type Bounds struct {
	Depth       int           // events between the root and the deepest, at most
	Descendants int           // events of the cascade on this node beside the root, at most
	Loops       int           // how often a type may recur in its own path
	Deadline    time.Duration // at a greater age nothing of the cascade is admitted
}

// Rule is what a cascade was refused by.
type Rule uint8

// The rules of the guard, in the order in which they are asked: the cheap ones
// first, and the one that charges the budget last.
const (
	Passed Rule = iota
	DepthRule
	LoopRule
	DeadlineRule
	DescendantsRule
	RuleCount
)

// String gives the rule's name, as counters and errors have it.
func (r Rule) String() string {
	return [...]string{"", "cascade-depth", "cascade-loop", "cascade-deadline", "cascade-descendants"}[r]
}

// Descendant is what the guard asks of an event that is not a root.
type Descendant struct {
	Root       [16]byte
	RootTime   int64 // when the root was emitted, in nanoseconds since 1970
	Waited     int64 // nanoseconds it and its ancestors lay in outboxes, which make the cascade no older; not negative
	Depth      int
	Recurrence int // how often its type stands earlier in its path
	Allowance  int // how often it may; the bounds' Loops count if they are higher
}

// Refusal says by which rule an event was refused, what the rule allows, and
// what the event would have made it.
type Refusal struct {
	Rule         Rule
	Limit, Value int64
}

// Guard keeps cascades within bounds. Depth, loops and deadline follow from
// the event alone; descendants are counted in a ledger. It is safe for
// concurrent use.
//
// The ledger has at most a stated number of cascades. When it is full the one
// that was longest without an event is forgotten, and counted. A cascade that is
// forgotten and then goes on begins its budget anew; depth, loops and deadline
// still bound it. To be forgotten a cascade must lie still while as many others
// as the ledger holds have an event, which a storming cascade does not.
type Guard struct {
	shards []ledger
}

type ledger struct {
	mu       sync.Mutex
	limit    int
	accounts map[[16]byte]*account // guarded by mu
	newest   *account              // guarded by mu: a ring in order of use
	evicted  uint64                // guarded by mu
	_        [64]byte
}

type account struct {
	root       [16]byte
	count      int
	prev, next *account
}

// NewGuard makes a guard whose ledger holds at most the given number of
// cascades.
func NewGuard(cascades int) *Guard {
	count := min(shardCount, max(1, cascades/shardCount))
	g := &Guard{shards: make([]ledger, count)}
	for i := range g.shards {
		g.shards[i] = ledger{limit: max(1, cascades/count), accounts: map[[16]byte]*account{}}
	}
	return g
}

// Check says whether an event may be admitted at a time, and charges it to its
// cascade if so.
func (g *Guard) Check(d *Descendant, b *Bounds, now int64) Refusal {
	if d.Depth > b.Depth {
		return Refusal{DepthRule, int64(b.Depth), int64(d.Depth)}
	}
	if allowed := max(d.Allowance, b.Loops); d.Recurrence > allowed {
		return Refusal{LoopRule, int64(allowed), int64(d.Recurrence)}
	}
	age := now - d.RootTime
	if age > int64(b.Deadline) { // asked first: what is left of the age then can not overflow
		age -= d.Waited
	}
	if age > int64(b.Deadline) {
		return Refusal{DeadlineRule, int64(b.Deadline), age}
	}
	return g.Charge(d.Root, b)
}

// Charge counts one event, or one more try of it, against the cascade's budget.
func (g *Guard) Charge(root [16]byte, b *Bounds) Refusal {
	l := &g.shards[int(root[15])%len(g.shards)] // the id's last byte is random
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accountLocked(root)
	if a.count >= b.Descendants {
		return Refusal{DescendantsRule, int64(b.Descendants), int64(a.count) + 1}
	}
	a.count++
	return Refusal{}
}

// accountLocked finds or makes the cascade's account, as the newest.
func (l *ledger) accountLocked(root [16]byte) *account {
	a := l.accounts[root]
	switch {
	case a == l.newest && a != nil:
		return a
	case a != nil:
		a.prev.next, a.next.prev = a.next, a.prev
	case len(l.accounts) < l.limit:
		a = &account{root: root}
		l.accounts[root] = a
	default:
		a = l.recycleLocked(root)
	}
	if l.newest == nil {
		a.prev, a.next = a, a
	} else {
		a.prev, a.next = l.newest.prev, l.newest
		a.prev.next, a.next.prev = a, a
	}
	l.newest = a
	return a
}

// recycleLocked takes the oldest account out of the ring for another cascade.
func (l *ledger) recycleLocked(root [16]byte) *account {
	a := l.newest.prev
	l.evicted++
	delete(l.accounts, a.root)
	if a == l.newest {
		l.newest = nil
	} else {
		a.prev.next, a.next.prev = a.next, a.prev
	}
	a.root, a.count = root, 0
	l.accounts[root] = a
	return a
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
