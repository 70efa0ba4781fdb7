package limit

import (
	"testing"
	"time"
)

// TestLoopback: each message arrives after it was sent. No time is asserted: tests do not measure.
func TestLoopback(t *testing.T) {
	if median, err := Loopback(101, time.Microsecond); err != nil || median <= 0 || median > time.Second {
		t.Errorf("%v, %v", median, err)
	}
}

func TestEach(t *testing.T) {
	calls := 0
	if each := Each(10, func() { calls++; time.Sleep(100 * time.Microsecond) }); calls != 90 || each < 100*time.Microsecond {
		t.Errorf("%d calls, %v each", calls, each)
	}
}
