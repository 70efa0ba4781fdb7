package clock

import (
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wall is a wall clock that is set.
type wall struct {
	mu  sync.Mutex
	off time.Duration // guarded by mu
}

func (w *wall) read() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.off)
}

func (w *wall) set(off time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
}

// at is what a clock says at a time from its beginning.
func at(c *Clock, after time.Duration) (now, stamp int64) {
	now = c.unix + int64(after)
	return now, c.Stamp(now)
}

func TestStampsFollowTheWallClock(t *testing.T) {
	var w wall
	c := New(w.read)
	near := func(name string, stamp int64, want time.Duration) {
		t.Helper()
		if d := time.Duration(stamp-c.unix) - want; d < -time.Second || d > 3*time.Second { // the stamps run on between two looks
			t.Errorf("%s: %v after the beginning, want %v", name, time.Duration(stamp-c.unix), want)
		}
	}
	_, stamp := at(c, 0)
	near("at first", stamp, 0)
	w.set(time.Hour)
	_, stamp = at(c, 2*time.Second) // as if two seconds had gone by, and the wall clock with them
	near("an hour forward", stamp, time.Hour)
	w.set(0)
	_, back := at(c, 4*time.Second)
	near("and back", back, time.Hour)
	if back < stamp {
		t.Errorf("the stamp went back by %v", time.Duration(stamp-back))
	}
}

// Whatever is done to the wall clock, a later time has no earlier stamp.
func TestStampsNeverGoBack(t *testing.T) {
	var w wall
	c := New(w.read)
	last := int64(0)
	for i := range 20_000 {
		switch i {
		case 3_000:
			w.set(-time.Hour)
		case 6_000:
			w.set(2 * time.Hour)
		case 9_000:
			w.set(-time.Millisecond)
		case 12_000:
			w.set(-24 * time.Hour)
		case 15_000:
			w.set(0)
		}
		now, stamp := at(c, time.Duration(i)*time.Millisecond)
		if stamp < last {
			t.Fatalf("at %d ms the stamp went back by %v", i, time.Duration(last-stamp))
		}
		last = stamp
		if early := c.Stamp(now - int64(lookEvery)/2); early > stamp {
			t.Fatalf("at %d ms an earlier time has a later stamp, by %v", i, time.Duration(early-stamp))
		}
	}
}

// While the stamps are ahead they run at half speed, and no longer.
func TestStampsWaitForTheWallClock(t *testing.T) {
	c := &Clock{}
	l := line{at: 100, stamp: 1100, until: 100 + 2*50} // 50 ahead
	c.line.Store(&l)
	for now, want := range map[int64]int64{90: 1090, 100: 1100, 110: 1105, 200: 1150, 210: 1160} {
		if got := l.stampOf(now); got != want {
			t.Errorf("at %d: %d, want %d", now, got, want)
		}
	}
}

func TestNowIgnoresTheWallClock(t *testing.T) {
	var w wall
	c := New(w.read)
	before := c.Now()
	w.set(-time.Hour)
	c.Stamp(before + int64(time.Hour)) // it looks
	if after := c.Now(); after < before || after > before+int64(time.Minute) {
		t.Errorf("%v went by", time.Duration(after-before))
	}
}

// The true time goes back with the wall clock, and somebody hears by how much it was set.
func TestTheTrueTime(t *testing.T) {
	var w wall
	var sets []time.Duration
	c := New(w.read)
	c.WhenSet(func(by time.Duration) { sets = append(sets, by.Round(time.Second)) })
	for _, off := range []time.Duration{0, time.Second, 2 * time.Hour, 2 * time.Hour, 0, -time.Minute, -time.Minute} {
		w.set(off)
		if d := time.Duration(c.True()-c.Now()) - off; d.Abs() > time.Second {
			t.Errorf("%v off by %v", off, d)
		}
	}
	w.set(time.Minute)
	at(c, 2*time.Second) // it looks
	if want := []time.Duration{2*time.Hour - time.Second, -2 * time.Hour, -time.Minute, 2 * time.Minute}; !slices.Equal(sets, want) {
		t.Errorf("it was set by %v, want %v", sets, want)
	}
}

// The coarse clock keeps up while somebody asks, and rests when nobody does.
func TestCoarse(t *testing.T) {
	c := New(nil)
	defer c.Close()
	lag := func() time.Duration { coarse := c.Coarse(); return time.Duration(c.Now() - coarse) }
	if d := lag(); d < 0 || d > time.Second {
		t.Errorf("at once it lags %v", d)
	}
	first := c.Coarse()
	for deadline := time.Now().Add(10 * time.Second); c.Coarse() == first; {
		if time.Now().After(deadline) {
			t.Fatal("it stands still")
		}
	}
	ticking := func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.ticker != nil }
	for deadline := time.Now().Add(10 * time.Second); ticking(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it ticks although nobody asks")
		}
	}
	if d := lag(); d < 0 || d > time.Second || !ticking() {
		t.Errorf("asked again it lags %v", d)
	}
	c.Close()
	if d := lag(); d < 0 || d > time.Second || ticking() {
		t.Errorf("closed it lags %v", d)
	}
}

func BenchmarkNow(b *testing.B) {
	c := New(nil)
	for b.Loop() {
		c.Now()
	}
}

func BenchmarkCoarse(b *testing.B) {
	c := New(nil)
	defer c.Close()
	for b.Loop() {
		c.Coarse()
	}
}

func BenchmarkStamp(b *testing.B) {
	c := New(nil)
	now := c.Now()
	for b.Loop() {
		c.Stamp(now)
	}
}
