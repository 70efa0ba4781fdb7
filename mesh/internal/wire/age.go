package wire

import (
	"math"
	"time"
)

// SetAge sets the two times that tell when the event was emitted, in nanoseconds since 1970 by this
// node's clock, and at which age of its cascade: see cause.Header.Age. Between the root's time and
// the event's lies its age and what it waited. Where the clock of the root's node is ahead of this
// one's there is less between them than the age; the event's time is moved then. Root is set.
func (e *Envelope) SetAge(at int64, age time.Duration) {
	root := e.Root.time()
	between := saturating(at, root)
	e.Time, e.Waited = at, 0
	switch {
	case e.IsRoot():
	case between < int64(age):
		if e.Time = root + int64(age); e.Time < root {
			e.Time = math.MaxInt64
		}
	default:
		e.Waited = between - int64(age)
	}
}

// Age is the age that the times tell: not negative, and 0 for a root.
func (e *Envelope) Age() time.Duration {
	if e.IsRoot() {
		return 0
	}
	between := saturating(e.Time, e.Root.time())
	if between <= e.Waited {
		return 0
	}
	return time.Duration(between - e.Waited)
}

// time is when the id was made, in nanoseconds since 1970: see cause.ID.Time. It is never negative,
// and past the largest there is for ids that somebody made up.
func (id ID) time() int64 {
	var milliseconds int64
	for _, b := range id[:6] {
		milliseconds = milliseconds<<8 | int64(b)
	}
	return min(milliseconds, math.MaxInt64/int64(time.Millisecond)) * int64(time.Millisecond)
}

// saturating is a - b for a b that is not negative.
func saturating(a, b int64) int64 {
	if a < math.MinInt64+b {
		return math.MinInt64
	}
	return a - b
}
