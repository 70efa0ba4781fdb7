package measure

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestHandlingOf(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100-i) * time.Microsecond
	}
	for _, c := range []struct {
		times []time.Duration
		want  Handling
	}{
		{nil, Handling{}},
		{[]time.Duration{1500}, Handling{Events: 1, Mean: 1.5, P99: 1.5}},
		{[]time.Duration{3000, 1000}, Handling{Events: 2, Mean: 2, P99: 3}},
		{hundred, Handling{Events: 100, Mean: 50.5, P99: 99}},
		{append(hundred[:100:100], 1010*time.Microsecond), Handling{Events: 101, Mean: 60, P99: 100}},
	} {
		if got := HandlingOf(slices.Clone(c.times)); got != c.want {
			t.Errorf("%d times: %+v, want %+v", len(c.times), got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := Pace(ctx, 1e6, func(time.Time) error {
		if calls++; calls == 3 {
			cancel()
			return ctx.Err()
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls until ctx ended, error %v", calls, err)
	}
	broken := errors.New("broken")
	if err := Pace(t.Context(), 1e6, func(time.Time) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// A call that takes longer than a slot does not lower the rate: those due meanwhile follow at once.
func TestPaceMakesUpForLateCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start, calls := time.Now(), 0
		if err := Pace(ctx, 1, func(time.Time) error {
			switch calls++; calls {
			case 1:
				time.Sleep(time.Minute)
			case 60:
				cancel()
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 61*time.Second || took < 59*time.Second {
			t.Errorf("60 calls took %v, want a minute", took)
		}
	})
}
