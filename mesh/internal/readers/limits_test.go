package readers

import (
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// limited says hello for process 1 of score-1 with limits of its import.
func (s *site) limited(limits ...wire.HelloLimit) *Reader {
	s.t.Helper()
	h := helloOf(1, solved)
	h.Imports[0].Limits = limits
	s.say("score-1", h)
	return s.reader(solved, "score-1")
}

// allowed counts how many of some events a reader's limits let pass at one time.
func allowed(r *Reader, now time.Duration, of int) (n int) {
	for range of {
		if r.Allows(int64(now)) {
			n++
		}
	}
	return n
}

// A reader gets no more than its limits let pass, the narrowest of them; a hello that says the same
// again fills no bucket, and one that says others replaces them.
func TestLimitsOfAReader(t *testing.T) {
	s := newSite(t, nil, "score-1")
	r := s.limited()
	if r.Limited() || allowed(r, time.Second, 1000) != 1000 {
		t.Error("there is a limit that nobody named")
	}
	wide, narrow := wire.HelloLimit{Every: uint64(time.Millisecond), Burst: 100}, wire.HelloLimit{Every: uint64(100 * time.Millisecond), Burst: 5}
	for _, step := range []struct {
		name   string
		limits []wire.HelloLimit
		at     time.Duration
		want   int
	}{
		{"a burst", []wire.HelloLimit{wide, narrow}, time.Second, 5},
		{"the same limits again", []wire.HelloLimit{wide, narrow}, time.Second, 0},
		{"after a time", []wire.HelloLimit{wide, narrow}, 1250 * time.Millisecond, 2},
		{"another limit", []wire.HelloLimit{wide}, 1250 * time.Millisecond, 100},
		{"no limit", nil, 1250 * time.Millisecond, 1000},
		{"numbers that make no sense", []wire.HelloLimit{{}, {Every: 1 << 63, Burst: 1 << 63}}, 2 * time.Second, 1},
	} {
		if got := allowed(s.limited(step.limits...), step.at, 1000); got != step.want {
			t.Errorf("%s: %d pass, want %d", step.name, got, step.want)
		}
	}
}
