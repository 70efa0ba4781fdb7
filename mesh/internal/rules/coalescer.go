package rules

import (
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/steps"
)

// coalescer keeps the newest event of each unit for a rule that coalesces, and lets it go a stated
// time after the first one came. It has no goroutine while it keeps nothing. The nil coalescer
// keeps nothing.
//
// A unit is there from when an event of it comes until that one is where it was going. All events
// of the unit that come meanwhile are kept too, whatever the bucket says: otherwise one could
// overtake an older one, which would then pass for the last value.
type coalescer struct {
	rule      *Rule
	within    time.Duration
	keys      int
	coalesced *steps.Point
	charge    func(*Event) // takes a token for an event that goes

	count atomic.Int64 // of units, to be read without the lock

	mu      sync.Mutex
	units   map[unit]*keptUnit // guarded by mu
	due     []*keptUnit        // guarded by mu: those with an event, in order of time
	timer   *time.Timer        // guarded by mu: of the next flush; nil: none is to come
	closed  bool               // guarded by mu
	flushes sync.WaitGroup     // flushes by timer that are to come or under way

	// flushing is held from when events are taken until they have gone: they go in order. Who holds
	// it may take that of a rule which is asked after this one.
	flushing sync.Mutex
}

// keptUnit is a unit with its newest event.
type keptUnit struct {
	event  Event     // the kept one, without its header
	kept   Kept      // nil: none is kept
	at     time.Time // when it is to go
	moving int       // how many events are on their way to here or from here
}

// Kept is an event that a rule keeps.
type Kept interface {
	// GoOn lets the event, which the rule has kept, go where it was going, without waiting, as far
	// as the rules that are asked after this one let it: see [Rule.Resume]. When it is there the
	// rule is told that it arrived: see [Rule.Arrived].
	GoOn(by *Rule)
	// Header is the event's. It is read when the event gives way to a newer one.
	Header() *cause.Header
}

// holds reports whether an event of the unit is kept, or on its way.
func (c *coalescer) holds(u unit) bool { // short enough to be inlined
	return c != nil && c.count.Load() != 0 && c.has(u)
}

func (c *coalescer) has(u unit) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.units[u] != nil
}

// expect announces an event that will be kept, or will not come: then it must be followed by
// arrived.
func (c *coalescer) expect(u unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unitLocked(u).moving++
}

// arrived says that an event of the unit is on its way no longer.
func (c *coalescer) arrived(u unit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.units[u]
	if k.moving--; k.moving == 0 && k.kept == nil {
		delete(c.units, u)
		c.count.Add(-1)
	}
}

func (c *coalescer) unitLocked(u unit) *keptUnit {
	k := c.units[u]
	if k == nil {
		k = &keptUnit{}
		c.units[u] = k
		c.count.Add(1)
	}
	return k
}

// keep takes an event in place of the one it has of the unit. Once closed it lets the event go at
// once. It reports whether the event took no other's place.
func (c *coalescer) keep(e *Event, kept Kept) (more bool) {
	old, full := c.put(e, kept, time.Now())
	if old != nil {
		c.coalesced.Pass(old.Header())
	}
	if full {
		c.flush(time.Now())
	}
	return old == nil
}

// put returns the event that was replaced, and says whether some must go at once.
func (c *coalescer) put(e *Event, kept Kept, now time.Time) (old Kept, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.unitLocked(e.unit())
	old, k.kept, k.event = k.kept, kept, *e
	k.event.Header = nil // it may be used again for another event
	if old != nil {
		return old, false
	}
	k.at = now.Add(c.within)
	c.due = append(c.due, k)
	if c.closed || len(c.due) > c.keys {
		return nil, true
	}
	if c.timer == nil {
		c.scheduleLocked(c.within)
	}
	return nil, false
}

func (c *coalescer) scheduleLocked(after time.Duration) {
	c.flushes.Add(1)
	c.timer = time.AfterFunc(after, func() {
		defer c.flushes.Done()
		c.mu.Lock()
		c.timer = nil
		c.mu.Unlock()
		c.flush(time.Now())
	})
}

// flush lets go what is due, in order, and what there is no room for.
func (c *coalescer) flush(now time.Time) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	for _, k := range c.takeDue(now) {
		c.charge(&k.event)
		k.kept.GoOn(c.rule)
	}
}

func (c *coalescer) takeDue(now time.Time) (taken []keptUnit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.due) > 0 && (c.closed || len(c.due) > c.keys || !c.due[0].at.After(now)) {
		k := c.due[0]
		c.due[0], c.due = nil, c.due[1:]
		taken = append(taken, *k)
		k.kept = nil
		k.moving++
	}
	if len(c.due) > 0 && c.timer == nil {
		c.scheduleLocked(c.due[0].at.Sub(now))
	}
	return taken
}

// close lets go what is kept, and from then on whatever comes at once. It waits for a flush that is
// under way.
func (c *coalescer) close() {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil && c.timer.Stop() {
		c.timer = nil
		c.flushes.Done()
	}
	c.mu.Unlock()
	c.flush(time.Now())
	c.flushes.Wait()
}

// len is how many events are kept.
func (c *coalescer) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.due)
}
