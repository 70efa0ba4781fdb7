package recorder

import (
	"sync"
	"sync/atomic"
	"testing"
)

// A second of a storm begins once, with the first one that sees it. One that saw the clock before,
// and comes when others have begun the next second, takes them none of what is recorded whole.
func TestASecondBeginsOnce(t *testing.T) {
	var late storm
	for range 1000 {
		late.next(5)
	}
	for i, second := range []uint32{6, 5, 6, 5, 7} {
		if got, want := late.next(second), []uint32{1, 2, 3, 4, 1}[i]; got != want {
			t.Errorf("%d in second %d, want %d", got, second, want)
		}
	}
	late.Store(uint64(1<<32-1)<<32 | 7)
	if got := late.next(0); got != 1 {
		t.Errorf("%d in the second after all others, want 1", got)
	}

	const seconds, each = 1000, wholeRefusals
	var s storm
	var whole atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for second := range uint32(seconds) {
				for range each { // nobody begins the next second before
					if s.next(second+1) <= wholeRefusals {
						whole.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	if whole.Load() != seconds*wholeRefusals {
		t.Errorf("%d are the first ones of a second, want %d", whole.Load(), seconds*wholeRefusals)
	}
}
