package clock

import (
	"sync/atomic"
	"time"
)

// Clock tells the time, in nanoseconds since 1970, for less than half of what time.Now costs, as
// every event asks for it: it reads the monotonic clock and adds it to a reading of the wall clock.
// The reading is renewed each second, so that a wall clock that is set is followed within that
// time.
//
// Make one with [New]. It is safe for concurrent use.
type Clock struct{ base atomic.Pointer[reading] }

type reading struct {
	time time.Time // with its monotonic part
	unix int64     // the same in nanoseconds
}

const renewal = time.Second

// New makes a clock.
func New() *Clock {
	c := &Clock{}
	c.renew()
	return c
}

// Now is the time in nanoseconds since 1970.
func (c *Clock) Now() int64 {
	base := c.base.Load()
	if elapsed := time.Since(base.time); elapsed < renewal {
		return base.unix + int64(elapsed)
	}
	return c.renew()
}

func (c *Clock) renew() int64 {
	now := time.Now()
	c.base.Store(&reading{time: now, unix: now.UnixNano()})
	return now.UnixNano()
}

// Since is how long before now, in nanoseconds since 1970, a time was.
func Since(now int64, t time.Time) time.Duration { return time.Unix(0, now).Sub(t) }
