// Package gate decides what may pass. It is pure: time in, verdict out; it has no clock, no socket
// and no goroutine.
package gate

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bucket is a token bucket. It is safe for concurrent use.
//
// A rate.Limiter that is given a time earlier than the last one refills what lies between twice,
// and goroutines that read the clock and then meet at a bucket come in any order: eight of them got
// 1.6 times the rate. So time does not go back here, unless the clock was set.
type Bucket struct {
	mu     sync.Mutex
	latest int64         // guarded by mu: in nanoseconds since 1970, which compare quickly
	bucket *rate.Limiter // guarded by mu
}

// NewBucket makes a bucket of perSecond events a second with the given burst. A burst under 1 takes
// a tenth of a second's worth, and at least 1.
func NewBucket(perSecond float64, burst int) *Bucket {
	if burst < 1 {
		burst = max(1, int(perSecond/10))
	}
	return &Bucket{bucket: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// lateness is how far back a time may lie and still be one that came late. What lies further back
// is of a clock that was set; the bucket does not wait until it is as late again.
const lateness = time.Second

// laterLocked returns the time, or the latest there was if that is later. It is one of the wall
// clock alone: the monotonic clock differs from it by some nanoseconds either way, and a bucket that
// is shown both in turn refills what lies between each time.
func (l *Bucket) laterLocked(now time.Time) time.Time {
	unix := now.UnixNano()
	if behind := l.latest - unix; behind <= 0 {
		l.latest = unix
	} else if behind > int64(lateness) {
		l.latest = unix
		l.bucket.SetBurstAt(time.Unix(0, unix), l.bucket.Burst()) // forgets the later time, and changes nothing else
	}
	return time.Unix(0, l.latest)
}

// Allow reports whether an event may pass at time now, and takes its token if so.
func (l *Bucket) Allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.AllowN(l.laterLocked(now), 1)
}

// Delay takes the next token, which is there after the returned time. Who does not wait for it
// calls the function, which gives the token back as of the time it is passed.
func (l *Bucket) Delay(now time.Time) (time.Duration, func(time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = l.laterLocked(now)
	r := l.bucket.ReserveN(now, 1)
	return r.DelayFrom(now), func(now time.Time) {
		l.mu.Lock()
		defer l.mu.Unlock()
		r.CancelAt(l.laterLocked(now))
	}
}

// maxDebt bounds what [Bucket.Charge] can take beyond the tokens there are, as a multiple of the
// burst: who caused a storm is held up for long, not for ever.
const maxDebt = 10

// Charge takes a token whether there is one or not. The debt, of at most ten bursts, has to be
// refilled before Allow lets an event pass again.
func (l *Bucket) Charge(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = l.laterLocked(now)
	if l.bucket.TokensAt(now) > -maxDebt*float64(l.bucket.Burst()) {
		l.bucket.ReserveN(now, 1)
	}
}

// full reports whether the bucket is as it was at the beginning.
func (l *Bucket) full(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.TokensAt(l.laterLocked(now)) >= float64(l.bucket.Burst())
}
