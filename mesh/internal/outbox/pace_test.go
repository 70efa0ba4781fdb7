package outbox

import (
	"math/rand/v2"
	"testing"
	"time"

	"leafmesh/mesh/internal/wire"
)

// link is a link of a test: it takes so many bytes a second, and its ends are so far apart.
type link struct {
	pace
	bytesPerSecond float64
	delay          time.Duration
	clock          int64
	freeAt         int64 // when it has taken what was sent
	arrivals       []batchSent
	untold         int
}

// run sends as much as the pace allows for a time. It gives how much arrived, and the longest that
// a ping would have waited after the first seconds.
func (l *link) run(t *testing.T, d time.Duration, size func(most int) int) (bytes int, ping time.Duration) {
	end := l.clock + int64(d)
	settled := l.clock + int64(5*time.Second)
	for l.clock < end {
		for l.allows() {
			n := size(l.most())
			l.freeAt = max(l.freeAt, l.clock) + int64(float64(n)/l.bytesPerSecond*1e9)
			l.arrivals = append(l.arrivals, batchSent{l.sent(n, l.clock), n, l.freeAt + int64(l.delay)})
			if l.clock > settled {
				ping = max(ping, time.Duration(l.freeAt-l.clock))
			}
		}
		if len(l.arrivals) == 0 {
			t.Fatal("nothing is on its way, and nothing may go")
		}
		a := l.arrivals[0]
		l.arrivals = l.arrivals[1:]
		l.clock = max(l.clock, a.at)
		bytes += a.bytes
		if l.untold += a.bytes; l.untold >= wire.GotEach {
			l.untold = 0
			l.clock += int64(l.delay)
			l.got(a.number, l.clock)
		}
	}
	return bytes, ping
}

// A link of any speed is used, and no ping waits long behind what is on its way.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		bytesPerSecond float64
		delay          time.Duration
		ping           time.Duration
		share          float64
	}{
		"slow":         {60e3, time.Millisecond, 1200 * time.Millisecond, 0.9},
		"slow and far": {60e3, 100 * time.Millisecond, 1200 * time.Millisecond, 0.8},
		"quick":        {10e6, time.Millisecond, 500 * time.Millisecond, 0.9},
		"local":        {2e9, 50 * time.Microsecond, 500 * time.Millisecond, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			l := &link{bytesPerSecond: c.bytesPerSecond, delay: c.delay}
			const d = 20 * time.Second
			bytes, ping := l.run(t, d, func(most int) int { return most })
			if ping > c.ping {
				t.Errorf("a ping waits %v, want %v or less", ping, c.ping)
			}
			if share := float64(bytes) / c.bytesPerSecond / d.Seconds(); share < c.share {
				t.Errorf("%.0f%% of the link is used, want %.0f%%", 100*share, 100*c.share)
			}
		})
	}
}

// Whatever the batches, and whenever the reader tells: something may always go once all is told.
func TestPaceNeverStops(t *testing.T) {
	l := &link{bytesPerSecond: 1e6}
	for range 100 {
		l.bytesPerSecond = 1e4 + rand.Float64()*1e8
		l.run(t, time.Second, func(most int) int { return 1 + rand.N(most) })
		if rand.N(5) == 0 { // the link breaks
			l.forget()
			l.arrivals, l.untold = nil, 0
		}
	}
	if before := l.onWay; l.got(l.number+1, l.clock) || l.onWay != before {
		t.Error("a batch that was not sent is believed to be there")
	}
}
