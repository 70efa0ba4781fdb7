package mesh

import (
	"sync/atomic"
	"time"
)

// clock tells the time, in nanoseconds since 1970, for less than half of what
// time.Now costs, as every event asks for it: it reads the monotonic clock and
// adds it to a reading of the wall clock. The reading is renewed each second,
// so that a wall clock that is set is followed within that time.
type clock struct{ base atomic.Pointer[reading] }

type reading struct {
	time time.Time // with its monotonic part
	unix int64     // the same in nanoseconds
}

const clockRenewal = time.Second

func newClock() *clock {
	c := &clock{}
	c.renew()
	return c
}

func (c *clock) now() int64 {
	base := c.base.Load()
	if elapsed := time.Since(base.time); elapsed < clockRenewal {
		return base.unix + int64(elapsed)
	}
	return c.renew()
}

func (c *clock) renew() int64 {
	now := time.Now()
	c.base.Store(&reading{time: now, unix: now.UnixNano()})
	return now.UnixNano()
}
