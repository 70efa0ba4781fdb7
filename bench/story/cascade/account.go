package cascade

import (
	"slices"
	"sync/atomic"
	"time"
)

// Account is what one process knows of the roots. All processes run on one machine, whose clock
// they share: times are unix nanoseconds.
type Account struct {
	begun  []int64 // of the process that emits: when each root came in
	failed []atomic.Bool
	counts []atomic.Uint32 // effects of each root
	last   []atomic.Int64  // when the last of them was handled
	total  atomic.Int64    // effects
	work   atomic.Int64    // ns in the services' own state
	rogue  atomic.Int64    // events that the bad handler saw
}

// NewAccount makes room for so many roots.
func NewAccount(roots int) *Account {
	return &Account{begun: make([]int64, roots), failed: make([]atomic.Bool, roots),
		counts: make([]atomic.Uint32, roots), last: make([]atomic.Int64, roots)}
}

// Begin says that a root comes in now.
func (a *Account) Begin(root uint32) { a.begun[root] = time.Now().UnixNano() }

// Fail says that a root could not be emitted.
func (a *Account) Fail(root uint32) { a.failed[root].Store(true) }

// Effect says that an effect of a root was handled now.
func (a *Account) Effect(root uint32) {
	now := time.Now().UnixNano()
	for {
		before := a.last[root].Load()
		if before >= now || a.last[root].CompareAndSwap(before, now) {
			break
		}
	}
	a.counts[root].Add(1)
	a.total.Add(1)
}

// Worked adds time that a handler spent on its service's state.
func (a *Account) Worked(since time.Time) { a.work.Add(int64(time.Since(since))) }

// Rogue counts an event that a bad handler saw.
func (a *Account) Rogue() { a.rogue.Add(1) }

// Total is how many effects there were.
func (a *Account) Total() int64 { return a.total.Load() }

// Report is an account that can be sent.
type Report struct {
	Begun  []int64
	Failed []bool
	Counts []uint32
	Last   []int64
	Work   time.Duration
	Rogue  int64
}

// Report takes stock.
func (a *Account) Report() Report {
	r := Report{Begun: slices.Clone(a.begun), Failed: make([]bool, len(a.failed)), Counts: make([]uint32, len(a.counts)),
		Last: make([]int64, len(a.last)), Work: time.Duration(a.work.Load()), Rogue: a.rogue.Load()}
	for i := range a.counts {
		r.Failed[i], r.Counts[i], r.Last[i] = a.failed[i].Load(), a.counts[i].Load(), a.last[i].Load()
	}
	return r
}
