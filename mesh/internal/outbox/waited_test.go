package outbox

import (
	"testing"
	"time"
)

// A wall clock that is set while the outbox is open makes no message old.
func TestWaitedForAndAWallClockThatIsSet(t *testing.T) {
	opened := time.Unix(1_700_000_000, 0)
	const day, minute = 24 * time.Hour, time.Minute
	for name, test := range map[string]struct {
		oldest time.Time
		isNew  bool
		want   time.Duration
	}{
		"stored before":                          {opened.Add(-day), false, day + minute},
		"stored since then":                      {opened.Add(minute / 2), true, minute / 2},
		"stored after the clock was set ahead":   {opened.Add(8 * day), true, minute - 8*day},
		"stored after the clock was set back":    {opened.Add(-8 * day), true, minute},
		"stored before, and the clock set since": {opened.Add(-time.Hour), false, time.Hour + minute},
	} {
		if got := waitedFor(opened, minute, test.oldest, test.isNew); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
