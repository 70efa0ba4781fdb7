package measure

import (
	"context"
	"math/rand/v2"
	"time"
)

// Pace calls do at a steady rate, until ctx ends: once in each slot of 1/rate, at a random time in
// it, which do is told. Calls that are late are made up for at once, so that what slows the caller
// down does not lower the rate. It returns do's error; the end of ctx is none.
func Pace(ctx context.Context, rate float64, do func(due time.Time) error) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for slot := 0; ; slot++ {
		after := (float64(slot) + rand.Float64()) / rate
		due := start.Add(time.Duration(after * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		if err := do(due); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
