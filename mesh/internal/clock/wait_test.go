package clock

import (
	"context"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		b     Backoff
		waits []time.Duration // before the cut, after the first try and so on
	}{
		{"default", Backoff{First: 10 * ms, Max: time.Second}, []time.Duration{10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, time.Second, time.Second}},
		{"constant", Backoff{First: 5 * ms, Max: 5 * ms}, []time.Duration{5 * ms, 5 * ms, 5 * ms}},
		{"max under first", Backoff{First: 5 * ms, Max: 2 * ms}, []time.Duration{2 * ms, 2 * ms}},
		{"none", Backoff{}, []time.Duration{0, 0, 0}},
		{"a nanosecond", Backoff{First: 1, Max: 1}, []time.Duration{1, 1}},
		{"past the largest duration", Backoff{First: math.MaxInt64 / 3, Max: math.MaxInt64},
			[]time.Duration{math.MaxInt64 / 3, math.MaxInt64 / 3 * 2, math.MaxInt64, math.MaxInt64}},
	} {
		for i, want := range c.waits {
			for range 100 {
				if d := c.b.Delay(i + 1); d > want || d < want-want/2 {
					t.Errorf("%s: after try %d: %v, want %v cut by at most half", c.name, i+1, d, want)
					break
				}
			}
		}
	}
}

func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{
			First: time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "first")),
			Max:   time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "max")),
		}
		try := rapid.IntRange(1, math.MaxInt).Draw(t, "try")
		if least := min(b.First, b.Max); b.Delay(try) > b.Max || b.Delay(try) < least-least/2 {
			t.Fatalf("after try %d: %v", try, b.Delay(try))
		}
	})
}

// The cut spreads handlers that failed together.
func TestBackoffIsSpread(t *testing.T) {
	b := Backoff{First: time.Second, Max: time.Second}
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[b.Delay(1)] = true
	}
	if len(seen) < 90 {
		t.Errorf("%d different waits of 100", len(seen))
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	Sleep(ctx, time.Hour)
	if d := time.Since(start); d > time.Minute {
		t.Errorf("slept %v", d)
	}
}
