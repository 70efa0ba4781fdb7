// Package gate decides what may pass. It is pure: time in, verdict out; it has no clock, no socket
// and no goroutine.
package gate

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bucket is a token bucket. Times are those of a clock that nobody sets, in nanoseconds. It is safe
// for concurrent use.
type Bucket struct {
	mu     sync.Mutex
	tokens tokens // guarded by mu
}

// NewBucket makes a bucket of perSecond events a second with the given burst. A burst under 1 takes
// a tenth of a second's worth, and at least 1.
func NewBucket(perSecond float64, burst int) *Bucket {
	return &Bucket{tokens: newTokens(perSecond, burst)}
}

// Allow reports whether an event may pass now, and takes its token if so.
func (b *Bucket) Allow(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens.allow(now)
}

// Next is how long it takes until the bucket has a token for one who waits, if nobody else takes
// it. It takes none.
func (b *Bucket) Next(now int64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens.next(now)
}

// Charge takes a token whether there is one or not. The debt, of at most ten bursts, has to be
// refilled before Allow lets an event pass again.
func (b *Bucket) Charge(now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens.charge(now)
}

// tokens are those of one bucket. Whoever has it holds a lock.
//
// A rate.Limiter that is given a time earlier than the last one refills what lies between twice,
// and goroutines that read the clock and then meet at a bucket come in any order: eight of them got
// 1.6 times the rate. So time does not go back here.
type tokens struct {
	latest     int64
	emptyUntil int64 // up to here there is surely none
	limiter    *rate.Limiter
}

func newTokens(perSecond float64, burst int) tokens {
	return tokens{limiter: rate.NewLimiter(rate.Limit(perSecond), Burst(perSecond, burst))}
}

// Burst is how many events pass at once: see [NewBucket].
func Burst(perSecond float64, burst int) int {
	if burst < 1 {
		return max(1, int(perSecond/10))
	}
	return burst
}

// later is the time, or the latest there was if that is later.
func (t *tokens) later(now int64) time.Time {
	t.latest = max(t.latest, now)
	return time.Unix(0, t.latest)
}

// allow asks the limiter only now and then in a storm: one that has no token has none for some
// time. Half of that is sure, however the limiter rounds.
func (t *tokens) allow(now int64) bool {
	at := t.later(now)
	if t.latest < t.emptyUntil {
		return false
	}
	if t.limiter.AllowN(at, 1) {
		return true
	}
	t.emptyUntil = t.latest + int64(t.next(now)/2)
	return false
}

// next takes no token: who waits and is gone before has cost the others nothing. A rate.Reservation
// was rejected, which gives back nothing once later ones exist.
func (t *tokens) next(now int64) time.Duration {
	missing := 1 - t.limiter.TokensAt(t.later(now))
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(t.limiter.Limit()) * float64(time.Second)))
}

// maxDebt bounds what [Bucket.Charge] can take beyond the tokens there are, as a multiple of the
// burst: who caused a storm is held up for long, not for ever.
const maxDebt = 10

func (t *tokens) charge(now int64) {
	at := t.later(now)
	if t.limiter.TokensAt(at) > -maxDebt*float64(t.limiter.Burst()) {
		t.limiter.ReserveN(at, 1)
	}
}

// full reports whether the bucket is as it was at the beginning.
func (t *tokens) full(now int64) bool {
	return t.limiter.TokensAt(t.later(now)) >= float64(t.limiter.Burst())
}
