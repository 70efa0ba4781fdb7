package storm

import (
	"context"
	"math/rand/v2"
	"time"
)

// pace calls do at a steady rate, until ctx ends: once in each slot of 1/rate, at a random time in it. Calls that are late are
// made up for at once, so that what slows the caller down does not lower the rate. It returns do's error; the end of ctx is none.
func pace(ctx context.Context, rate float64, do func() error) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for slot := 0; ; slot++ {
		due := (float64(slot) + rand.Float64()) / rate
		timer.Reset(time.Until(start.Add(time.Duration(due * float64(time.Second)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		if err := do(); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
