package cascade

import (
	"testing"
	"time"
)

// TestMerge: a root is handled at its last effect, wherever that was; one without all effects
// counts with the time until nobody waited any more; one that was refused has no time.
func TestMerge(t *testing.T) {
	ms := int64(time.Millisecond)
	first := Report{Begun: []int64{0, 0, 0, 0}, Failed: make([]bool, 4), Counts: []uint32{5, 3, 4, 2}, Last: []int64{1 * ms, 2 * ms, 9 * ms, 0}, Work: 4}
	second := Report{Begun: []int64{0, ms, ms, ms}, Failed: []bool{false, false, false, true}, Counts: []uint32{0, 4, 0, 0}, Last: []int64{0, 5 * ms, 0, 0}, Work: 4}
	got := Merge([]Report{first, second}, time.Unix(0, 21*ms))
	want := Result{Roots: 4, Handled: 2, Refused: 1, Unfinished: 1, Twice: 2, Mean: 25 * time.Millisecond / 3, P99: 20 * time.Millisecond, Work: 2}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCascade: the handlers, one after the other, make of a root as many events and effects as the
// story says, and each type that another service handles is exported to it.
func TestCascade(t *testing.T) {
	events, effects := 0, 0
	var follow func(subject string)
	follow = func(subject string) {
		events++
		for _, h := range Handlers {
			if h.On != subject || h.Bad {
				continue
			}
			if h.Effect {
				effects++
			}
			for _, next := range h.Follows {
				follow(next)
			}
		}
	}
	follow(Submitted)
	if events != Events || effects != Effects {
		t.Errorf("%d events and %d effects, want %d and %d", events, effects, Events, Effects)
	}
}
