package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

// Who looks at beats is woken together with all others who do, whatever their steps are.
func TestBeatsFallTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(ToBeat(time.Second))
		begun := time.Now()
		for _, after := range []time.Duration{0, 1, 70 * time.Millisecond, 249 * time.Millisecond, 333 * time.Millisecond} {
			time.Sleep(after)
			for _, each := range []time.Duration{250 * time.Millisecond, 125 * time.Millisecond, time.Second} {
				wait := ToBeat(each)
				if wait <= 0 || wait > each || (time.Since(begun)+wait)%each != 0 {
					t.Errorf("%v after a beat the next of each %v comes in %v", time.Since(begun), each, wait)
				}
			}
		}
	})
}
