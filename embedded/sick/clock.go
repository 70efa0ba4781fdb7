package sick

import (
	"sync/atomic"
	"time"
)

// wallClock is a wall clock that is set. While it is sick, each look at it finds it set by an hour,
// ahead and behind in turn: a node looks at its wall clock once a second, and so misses no step.
type wallClock struct {
	illness
	ahead, behind atomic.Uint64 // how often it was looked at while it was wrong
}

func (w *wallClock) read() time.Time {
	switch {
	case !w.sick.Load():
		return time.Now()
	case w.ahead.Load() <= w.behind.Load():
		w.ahead.Add(1)
		return time.Now().Add(time.Hour)
	default:
		w.behind.Add(1)
		return time.Now().Add(-time.Hour)
	}
}
