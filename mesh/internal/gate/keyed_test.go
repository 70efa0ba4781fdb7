package gate

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

func (k *Keyed) allow(key string, now int64) bool {
	allowed, _ := k.Allow(key, now)
	return allowed
}

// dumbKeyed says the same with a list in order of use.
type dumbKeyed struct {
	perSecond float64
	burst     int
	limit     int
	order     []string // least recently used first
	buckets   map[string]*rate.Limiter
	overflow  *rate.Limiter
}

func (d *dumbKeyed) allow(key string, now int64) bool {
	b := d.buckets[key]
	if b == nil {
		if len(d.order) == d.limit {
			if d.buckets[d.order[0]].TokensAt(time.Unix(0, now)) < float64(d.burst) {
				return d.overflow.AllowN(time.Unix(0, now), 1)
			}
			delete(d.buckets, d.order[0])
			d.order = d.order[1:]
		}
		b = rate.NewLimiter(rate.Limit(d.perSecond), d.burst)
		d.buckets[key] = b
	} else {
		for i, k := range d.order {
			if k == key {
				d.order = append(d.order[:i:i], d.order[i+1:]...)
				break
			}
		}
	}
	d.order = append(d.order, key)
	return b.AllowN(time.Unix(0, now), 1)
}

func TestKeyedMatchesTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.Float64Range(1, 100).Draw(t, "rate"), rapid.IntRange(1, 4).Draw(t, "burst")
		limit := rapid.IntRange(1, 5).Draw(t, "keys")
		keyed := NewKeyed(perSecond, burst, limit) // so few keys make one shard
		model := &dumbKeyed{perSecond: perSecond, burst: burst, limit: limit, buckets: map[string]*rate.Limiter{},
			overflow: rate.NewLimiter(rate.Limit(perSecond), burst)}
		now := epoch
		for i := range rapid.IntRange(1, 200).Draw(t, "events") {
			now += int64(rapid.IntRange(0, 200).Draw(t, "gap")) * int64(time.Millisecond)
			key := fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "key"))
			if got, want := keyed.allow(key, now), model.allow(key, now); got != want {
				t.Fatalf("event %d, key %s: %v, want %v", i, key, got, want)
			}
		}
		if keyed.Len() != len(model.order) {
			t.Fatalf("%d buckets, want %d", keyed.Len(), len(model.order))
		}
	})
}

// A million keys cost bounded memory, get no more than the table and one key
// together, and take nothing from a key that is in use.
func TestCyclingKeysGainNothing(t *testing.T) {
	const keys, burst = 64, 2
	keyed := NewKeyed(1, burst, keys)
	now, passed, honest := epoch, 0, 0
	for i := range 1_000_000 {
		now += int64(10 * time.Microsecond) // 10 s in all
		if keyed.allow(strconv.Itoa(i+1), now) {
			passed++
		}
		if i%95_000 == 0 && keyed.allow("0", now) { // one in 0.95 s: the bucket is never full again
			honest++
		}
	}
	if honest != 11 {
		t.Errorf("%d of 11 events of the honest key passed", honest)
	}
	if bound := (keys + 1) * (10 + burst); passed > bound {
		t.Errorf("%d passed, at most %d may", passed, bound)
	}
	if keyed.Len() > keys {
		t.Errorf("%d buckets, at most %d", keyed.Len(), keys)
	}
}

// However keys are cycled, one key never gets more than its rate and burst.
func TestAKeyNeverGetsAFreshBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keyed := NewKeyed(1, 2, 3)
		now, passed := epoch, 0
		for range rapid.IntRange(1, 300).Draw(t, "events") {
			now += int64(rapid.IntRange(0, 100).Draw(t, "gap")) * int64(time.Millisecond)
			key := fmt.Sprint(rapid.IntRange(0, 10).Draw(t, "key"))
			if allowed, use := keyed.Allow(key, now); allowed && key == "0" && use != Overflow {
				passed++
			}
		}
		if bound := time.Duration(now-epoch).Seconds() + 2; float64(passed) > bound+0.01 {
			t.Fatalf("%d events of one key passed in %v", passed, time.Duration(now-epoch))
		}
	})
}

func BenchmarkKeyed(b *testing.B) {
	keyed := NewKeyed(1e9, 1000, 1000)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("team ", i)
		keyed.allow(keys[i], epoch)
	}
	b.ReportAllocs()
	now := epoch
	for i := 0; b.Loop(); i++ {
		now += 100
		if !keyed.allow(keys[i%1000], now) {
			b.Fatal("refused")
		}
	}
}
