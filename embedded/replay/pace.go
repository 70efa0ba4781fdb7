package replay

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Speed is how fast a log is replayed: a factor of the time that the hunt really took, or as fast
// as possible. It is a flag.Value.
type Speed float64

// Max is as fast as possible.
const Max Speed = 0

// String gives "max" or the factor, "100".
func (s Speed) String() string {
	if s == Max {
		return "max"
	}
	return strconv.FormatFloat(float64(s), 'g', -1, 64)
}

// Set reads "max", or a factor above 0 with or without an x: "100", "100x", "0.5".
func (s *Speed) Set(text string) error {
	if text == "max" {
		*s = Max
		return nil
	}
	factor, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(factor > 0) || math.IsInf(factor, 0) {
		return fmt.Errorf("give max, or a factor of real time such as 100")
	}
	*s = Speed(factor)
	return nil
}

// pace holds rows back until it is their time.
type pace struct {
	speed Speed
	start time.Time // of the replay
	first time.Time // of the log
}

// wait returns when a row of this time is due. Rows that are late, or older than the first, do not
// wait.
func (p pace) wait(ctx context.Context, at time.Time) error {
	if p.speed == Max {
		return ctx.Err()
	}
	due := p.start.Add(time.Duration(float64(at.Sub(p.first)) / float64(p.speed)))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
