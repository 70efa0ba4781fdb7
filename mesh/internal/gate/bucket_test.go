package gate

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// epoch is a time as buckets have them.
const epoch = int64(1_000_000 * time.Second)

// after is a time after epoch.
func after(d time.Duration) int64 { return epoch + int64(d) }

func TestLimitSteps(t *testing.T) {
	type step struct {
		at   time.Duration
		want bool
	}
	for _, test := range []struct {
		name  string
		rate  float64
		burst int
		steps []step
	}{
		{"burst then refill", 10, 2, []step{{0, true}, {0, true}, {0, false}, {99 * time.Millisecond, false},
			{101 * time.Millisecond, true}, {101 * time.Millisecond, false}, {time.Hour, true}, {time.Hour, true}, {time.Hour, false}}},
		{"slow rate without burst", 0.5, 0, []step{{0, true}, {time.Second, false}, {2 * time.Second, true}}},
		{"burst defaults to a tenth of a second", 20, 0, []step{{0, true}, {0, true}, {0, false}}},
	} {
		limit := NewBucket(test.rate, test.burst)
		for i, s := range test.steps {
			if got := limit.Allow(after(s.at)); got != s.want {
				t.Errorf("%s: step %d at %v: %v, want %v", test.name, i, s.at, got, s.want)
			}
		}
	}
}

// In any window no more pass than rate × window + burst, whatever the times and whether an event
// waits or not.
func TestLimitNeverExceedsItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Float64Range(0.1, 1000).Draw(t, "rate")
		burst := rapid.IntRange(1, 50).Draw(t, "burst")
		limit := NewBucket(perSecond, burst)
		now, passed := epoch, []int64{}
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			now += int64(rapid.IntRange(0, 50_000_000).Draw(t, "gap"))
			if rapid.Bool().Draw(t, "waits") {
				now += int64(limit.Next(now))
				if !limit.Allow(now) {
					t.Fatalf("no token at %d, which was said", now)
				}
				passed = append(passed, now)
			} else if limit.Allow(now) {
				passed = append(passed, now)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				window := time.Duration(passed[j] - passed[i]).Seconds()
				if n := float64(j - i + 1); n > perSecond*window+float64(burst)+0.01 {
					t.Fatalf("%v events in %v s at %v/s burst %d", n, window, perSecond, burst)
				}
			}
		}
	})
}

// An event that comes with an earlier time than the one before refills nothing.
func TestTimeNeverGoesBack(t *testing.T) {
	limit, passed := NewBucket(10, 2), 0
	for range 100 {
		for _, at := range []time.Duration{time.Second, 0, 500 * time.Millisecond} {
			if limit.Allow(after(at)) {
				passed++
			}
		}
	}
	if passed != 2 {
		t.Errorf("%d passed up to one moment, want the burst of 2", passed)
	}
	limit = NewBucket(10, 1)
	limit.Allow(after(time.Second))
	if wait := limit.Next(epoch); wait != 100*time.Millisecond {
		t.Errorf("the next token in %v, want 100ms from the latest time", wait)
	}
	limit.Charge(epoch)
	if limit.Allow(after(1150 * time.Millisecond)) {
		t.Error("the charged token was refilled too early")
	}
}

// Goroutines read the clock and then come to the bucket in any order.
func TestTheBoundHoldsForManyGoroutines(t *testing.T) {
	const perSecond, burst, looks = 1e6, 1000, 50_000
	limit := NewBucket(perSecond, burst)
	var passed atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range 8 {
		all.Go(func() {
			for range looks {
				now := int64(time.Since(start))
				runtime.Gosched() // others come first
				if limit.Allow(now) {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if bound := perSecond*time.Since(start).Seconds() + burst; float64(passed.Load()) > bound {
		t.Errorf("%d passed, at most %.0f may", passed.Load(), bound)
	}
}

// A bucket allows what a limiter would that is asked each time, in storms and with debts too.
func TestABucketAllowsWhatItsLimiterWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.Float64Range(0.001, 1e7).Draw(t, "rate"), rapid.IntRange(1, 5).Draw(t, "burst")
		bucket, model, now := NewBucket(perSecond, burst), rate.NewLimiter(rate.Limit(perSecond), burst), epoch
		between := int64(1e9 / perSecond) // two tokens
		for i := range rapid.IntRange(1, 300).Draw(t, "events") {
			now += rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, between/50+1), rapid.Int64Range(0, 2*between)).Draw(t, "gap")
			if rapid.IntRange(0, 20).Draw(t, "charges") == 0 {
				bucket.Charge(now)
				if model.TokensAt(time.Unix(0, now)) > -float64(10*burst) {
					model.ReserveN(time.Unix(0, now), 1)
				}
			}
			if got, want := bucket.Allow(now), model.AllowN(time.Unix(0, now), 1); got != want {
				t.Fatalf("event %d at %d: %v, want %v", i, now-epoch, got, want)
			}
		}
	})
}

// In a storm a limiter is asked each time that half of the wait for its next token is over, and not
// for each event.
func TestAnEmptyLimiterIsSeldomAsked(t *testing.T) {
	limit := NewBucket(1, 1)
	limit.Allow(epoch)
	var asked []time.Duration
	for at := time.Duration(0); at < time.Second-time.Millisecond; at += 100 * time.Microsecond {
		probe := limit.tokens
		probe.limiter = rate.NewLimiter(rate.Inf, 1) // says yes if it is asked
		if probe.allow(after(at)) {
			asked = append(asked, at)
		}
		if limit.Allow(after(at)) {
			t.Fatalf("passed after %v", at)
		}
	}
	if len(asked) < 5 || len(asked) > 12 || asked[0] != 0 || asked[1] != 500*time.Millisecond || asked[2] != 750*time.Millisecond {
		t.Errorf("asked %d times: %v", len(asked), asked[:min(len(asked), 20)])
	}
	if !limit.Allow(after(time.Second)) {
		t.Error("refused when the token is there")
	}
}

// Who looks at the next token takes none.
func TestLookingTakesNothing(t *testing.T) {
	limit := NewBucket(1, 1)
	if wait := limit.Next(epoch); wait != 0 {
		t.Errorf("the first token in %v", wait)
	}
	limit.Allow(epoch)
	for range 3 {
		if wait := limit.Next(epoch); wait != time.Second {
			t.Errorf("the next token in %v, want 1s", wait)
		}
	}
}

func TestChargeMakesDebtThatIsPaidBack(t *testing.T) {
	limit := NewBucket(10, 5)
	for range 25 { // 5 tokens and a debt of 20
		limit.Charge(epoch)
	}
	if limit.Allow(after(2 * time.Second)) {
		t.Error("passed while there was no token")
	}
	if !limit.Allow(after(2*time.Second + 100*time.Millisecond)) {
		t.Error("refused after the debt was paid back")
	}
	for range 1_000_000 {
		limit.Charge(after(3 * time.Second))
	}
	if !limit.Allow(after(3*time.Second + 5200*time.Millisecond)) {
		t.Error("the debt grew beyond ten bursts")
	}
	if n := testing.AllocsPerRun(100, func() { limit.Charge(epoch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
