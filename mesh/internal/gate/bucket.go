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
//
// A rate.Limiter that is given a time earlier than the last one refills what lies between twice,
// and goroutines that read the clock and then meet at a bucket come in any order: eight of them got
// 1.6 times the rate. So time does not go back here.
type Bucket struct {
	mu     sync.Mutex
	latest int64         // guarded by mu
	bucket *rate.Limiter // guarded by mu
}

// NewBucket makes a bucket of perSecond events a second with the given burst. A burst under 1 takes
// a tenth of a second's worth, and at least 1.
func NewBucket(perSecond float64, burst int) *Bucket {
	return &Bucket{bucket: rate.NewLimiter(rate.Limit(perSecond), Burst(perSecond, burst))}
}

// Burst is how many events pass at once: see [NewBucket].
func Burst(perSecond float64, burst int) int {
	if burst < 1 {
		return max(1, int(perSecond/10))
	}
	return burst
}

// laterLocked returns the time, or the latest there was if that is later.
func (l *Bucket) laterLocked(now int64) time.Time {
	l.latest = max(l.latest, now)
	return time.Unix(0, l.latest)
}

// Allow reports whether an event may pass now, and takes its token if so.
func (l *Bucket) Allow(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.AllowN(l.laterLocked(now), 1)
}

// Next is how long it takes until the bucket has a token for one who waits, if nobody else takes
// it. It takes none: who waits and is gone before has cost the others nothing. A
// rate.Reservation was rejected, which gives back nothing once later ones exist.
func (l *Bucket) Next(now int64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := 1 - l.bucket.TokensAt(l.laterLocked(now))
	if missing <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(l.bucket.Limit()) * float64(time.Second)))
}

// maxDebt bounds what [Bucket.Charge] can take beyond the tokens there are, as a multiple of the
// burst: who caused a storm is held up for long, not for ever.
const maxDebt = 10

// Charge takes a token whether there is one or not. The debt, of at most ten bursts, has to be
// refilled before Allow lets an event pass again.
func (l *Bucket) Charge(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.laterLocked(now)
	if l.bucket.TokensAt(at) > -maxDebt*float64(l.bucket.Burst()) {
		l.bucket.ReserveN(at, 1)
	}
}

// full reports whether the bucket is as it was at the beginning.
func (l *Bucket) full(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.TokensAt(l.laterLocked(now)) >= float64(l.bucket.Burst())
}
