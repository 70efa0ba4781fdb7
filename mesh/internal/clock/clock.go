package clock

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock tells a node the time. All that is decided by time asks [Clock.Now], which only the
// monotonic clock moves: when the wall clock is set, or the machine was suspended, no limit, no
// deadline and no order goes wrong. What people read, and the ids of events, have times made by
// [Clock.Stamp], which follow the wall clock and never go back. What is compared with the clock of
// another machine asks [Clock.True].
//
// Make one with [New]. It is safe for concurrent use.
type Clock struct {
	wall  func() time.Time
	start time.Time // with its monotonic part
	unix  int64     // the same in nanoseconds since 1970
	line  atomic.Pointer[line]

	reading sync.Mutex
	offset  int64                  // guarded by reading: how far the wall clock was before Now
	wasSet  func(by time.Duration) // guarded by reading

	coarse atomic.Int64 // Now as of the last tick; 0: it does not tick
	asked  atomic.Bool  // since the last tick
	mu     sync.Mutex
	idle   int         // guarded by mu: ticks since somebody asked
	ticker *time.Timer // guarded by mu: nil while it does not tick
	closed bool        // guarded by mu
}

// line says how stamps follow from Now, until the wall clock is looked at again.
type line struct {
	at    int64 // Now when the wall clock was looked at
	stamp int64 // the stamp then
	until int64 // up to here stamps run at half speed, as they are ahead of the wall clock
}

const (
	// lookEvery is how long the wall clock is not looked at.
	lookEvery = int64(time.Second)
	// minSet is by how much the wall clock is set at least if somebody is to hear of it. A reading
	// that takes longer than maxRead says nothing of that: the process paused meanwhile.
	minSet, maxRead = 3 * time.Second, time.Second
	// tickEvery is how far back [Clock.Coarse] may lie. Two hundred wake-ups a second cost 0.1 %
	// of a core, and only while events are handled.
	tickEvery = 5 * time.Millisecond
	// idleTicks is how many ticks nobody asks until the clock ticks no more.
	idleTicks = 20
)

// New makes a clock. wall reads the wall clock; nil: time.Now.
func New(wall func() time.Time) *Clock {
	if wall == nil {
		wall = time.Now
	}
	c := &Clock{wall: wall, start: time.Now()}
	c.unix = wall().UnixNano()
	c.line.Store(&line{at: c.unix, stamp: c.unix, until: c.unix})
	return c
}

// Now is the time in nanoseconds since 1970, as if the wall clock had never been set since the
// clock was made. It costs less than half of time.Now, as every event asks for it.
func (c *Clock) Now() int64 { return c.unix + int64(time.Since(c.start)) }

// Stamp returns the wall clock's time at a time of Now, in nanoseconds since 1970. A later time has
// no earlier stamp: where the wall clock is set back, stamps run at half its speed until it has
// caught up; where it is set forward, they follow within a second.
func (c *Clock) Stamp(now int64) int64 {
	l := c.line.Load()
	if now-l.at >= lookEvery {
		l = c.look(now, c.True())
	}
	return l.stampOf(now)
}

// Wall is the stamp of the present.
func (c *Clock) Wall() int64 { return c.Stamp(c.Now()) }

// True is what the wall clock says, in nanoseconds since 1970. It goes back where that is set back.
func (c *Clock) True() int64 {
	wall, by, tell := c.read()
	if tell != nil {
		tell(by)
	}
	return wall
}

// WhenSet lets f hear that the wall clock was set by some seconds or more, or that the machine was
// suspended, when the clock is asked the next time. by is negative if it was set back.
func (c *Clock) WhenSet(f func(by time.Duration)) {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.wasSet = f
}

// read reads the wall clock; tell is who is to hear by how much it was set, or nil.
func (c *Clock) read() (wall int64, by time.Duration, tell func(time.Duration)) {
	c.reading.Lock()
	defer c.reading.Unlock()
	before := c.Now()
	wall = c.wall().UnixNano()
	if c.Now()-before > int64(maxRead) {
		return wall, 0, nil
	}
	by = time.Duration(wall - before - c.offset)
	c.offset = wall - before
	if by.Abs() < minSet {
		return wall, 0, nil
	}
	return wall, by, c.wasSet
}

func (l *line) stampOf(now int64) int64 {
	switch elapsed := now - l.at; {
	case now >= l.until:
		return l.stamp + elapsed - (l.until-l.at)/2
	case elapsed > 0:
		return l.stamp + elapsed/2
	default: // asked before the line was made
		return l.stamp + elapsed
	}
}

// look makes the line anew by what the wall clock says.
func (c *Clock) look(now, wall int64) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.line.Load()
	if now-old.at < lookEvery {
		return old // another one has just looked
	}
	fresh := &line{at: now, stamp: old.stampOf(now)}
	ahead := fresh.stamp - wall
	if ahead < 0 {
		fresh.stamp, ahead = fresh.stamp-ahead, 0
	}
	fresh.until = now + 2*ahead
	c.line.Store(fresh)
	return fresh
}

// Coarse is a time of Now of some milliseconds ago, for the price of two loads: how long an event
// is handled need not be known more exactly. While somebody asks, a timer keeps it up to date.
func (c *Clock) Coarse() int64 {
	now := c.coarse.Load()
	if now == 0 {
		return c.beginTicking()
	}
	if !c.asked.Load() {
		c.asked.Store(true)
	}
	return now
}

func (c *Clock) beginTicking() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if c.ticker == nil && !c.closed {
		c.coarse.Store(now)
		c.idle = 0
		c.ticker = time.AfterFunc(tickEvery, c.tick)
	}
	return now
}

func (c *Clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle++; c.asked.Swap(false) {
		c.idle = 0
	}
	if c.closed || c.idle > idleTicks {
		c.coarse.Store(0)
		c.ticker = nil
		return
	}
	c.coarse.Store(c.Now())
	c.ticker.Reset(tickEvery)
}

// Close ends the timer. The time can be asked for afterwards.
func (c *Clock) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.ticker != nil && c.ticker.Stop() {
		c.coarse.Store(0)
		c.ticker = nil
	}
}

// Since is how long before a stamp, in nanoseconds since 1970, a time was.
func Since(stamp int64, t time.Time) time.Duration { return time.Unix(0, stamp).Sub(t) }
