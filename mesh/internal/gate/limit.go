// Package gate decides what may pass. It is pure: time in, verdict out; it has
// no clock, no socket and no goroutine.
package gate

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a token bucket. It is safe for concurrent use.
//
// A rate.Limiter that is given a time earlier than the last one refills what
// lies between twice, and goroutines that read the clock and then meet at a
// bucket come in any order: eight of them got 1.6 times the rate. So time does
// not go back here, unless the clock was set.
type Limit struct {
	mu     sync.Mutex
	latest int64         // guarded by mu: in nanoseconds since 1970, which compare quickly
	bucket *rate.Limiter // guarded by mu
}

// NewLimit makes a limit of perSecond events a second with the given burst.
// A burst under 1 takes a tenth of a second's worth, and at least 1.
func NewLimit(perSecond float64, burst int) *Limit {
	if burst < 1 {
		burst = max(1, int(perSecond/10))
	}
	return &Limit{bucket: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// lateness is how far back a time may lie and still be one that came late. What
// lies further back is of a clock that was set; the bucket does not wait until
// it is as late again.
const lateness = time.Second

// laterLocked gives the time, or the latest there was if that is later.
func (l *Limit) laterLocked(now time.Time) time.Time {
	unix := now.UnixNano()
	switch behind := l.latest - unix; {
	case behind <= 0:
		l.latest = unix
	case behind > int64(lateness):
		l.latest = unix
		l.bucket.SetBurstAt(now, l.bucket.Burst()) // forgets the later time, and changes nothing else
	default:
		return time.Unix(0, l.latest)
	}
	return now
}

// Allow reports whether an event may pass at time now, and takes its token if so.
func (l *Limit) Allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.AllowN(l.laterLocked(now), 1)
}

// Delay takes the next token, which is there after the returned time. Who does
// not wait for it calls the function, which gives the token back as of the time
// it is passed.
func (l *Limit) Delay(now time.Time) (time.Duration, func(time.Time)) {
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

// maxDebt bounds what [Limit.Charge] can take beyond the tokens there are, as a
// multiple of the burst: who caused a storm is held up for long, not for ever.
const maxDebt = 10

// Charge takes a token whether there is one or not. The debt, of at most ten
// bursts, has to be refilled before Allow lets an event pass again.
func (l *Limit) Charge(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = l.laterLocked(now)
	if l.bucket.TokensAt(now) > -maxDebt*float64(l.bucket.Burst()) {
		l.bucket.ReserveN(now, 1)
	}
}

// full reports whether the bucket is as it was at the beginning.
func (l *Limit) full(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bucket.TokensAt(l.laterLocked(now)) >= float64(l.bucket.Burst())
}
