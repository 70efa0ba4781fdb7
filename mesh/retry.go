package mesh

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff says how long to wait between tries.
type backoff struct{ first, max time.Duration }

// delay is the wait after the given try, counted from 1: doubled for each try,
// bounded, and cut at random by up to half, so that handlers that failed
// together do not come back together.
func (b backoff) delay(try int) time.Duration {
	d := b.first
	for i := 1; i < try && 0 < d && d < b.max; i++ {
		d += min(d, b.max-d) // doubled, but never past the largest duration
	}
	d = min(d, b.max)
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
