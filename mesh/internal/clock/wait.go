package clock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait between tries.
type Backoff struct{ First, Max time.Duration }

// Delay is the wait after the given try, counted from 1: doubled for each try, bounded, and cut at
// random by up to half, so that handlers that failed together do not come back together.
func (b Backoff) Delay(try int) time.Duration {
	d := b.First
	for i := 1; i < try && 0 < d && d < b.Max; i++ {
		d += min(d, b.Max-d) // doubled, but never past the largest duration
	}
	d = min(d, b.Max)
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2)
}

// Sleep waits for d or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// EndOf is why a context ended: ctx.Err, with its cause if it has one of its own, so that errors.Is
// finds both.
func EndOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || cause == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
