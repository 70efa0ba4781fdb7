// Package gate decides what may pass. It is pure: time in, verdict out; it has
// no clock, no socket and no goroutine.
package gate

import (
	"time"

	"golang.org/x/time/rate"
)

// Limit is a token bucket. It is safe for concurrent use.
type Limit rate.Limiter

// NewLimit makes a limit of perSecond events a second with the given burst.
// A burst under 1 takes a tenth of a second's worth, and at least 1.
func NewLimit(perSecond float64, burst int) *Limit {
	return (*Limit)(rate.NewLimiter(rate.Limit(perSecond), defaultBurst(perSecond, burst)))
}

func defaultBurst(perSecond float64, burst int) int {
	if burst < 1 {
		return max(1, int(perSecond/10))
	}
	return burst
}

// Allow reports whether an event may pass at time now, and takes its token if so.
func (l *Limit) Allow(now time.Time) bool { return (*rate.Limiter)(l).AllowN(now, 1) }

// Delay takes the next token, which is there after the returned time. Who does
// not wait for it calls the function, which gives the token back as of the time
// it is passed.
func (l *Limit) Delay(now time.Time) (time.Duration, func(time.Time)) {
	r := (*rate.Limiter)(l).ReserveN(now, 1)
	return r.DelayFrom(now), r.CancelAt
}

// maxDebt bounds what [Limit.Charge] can take beyond the tokens there are, as a
// multiple of the burst: who caused a storm is held up for long, not for ever.
const maxDebt = 10

// Charge takes a token whether there is one or not. The debt, of at most ten
// bursts, has to be refilled before Allow lets an event pass again.
func (l *Limit) Charge(now time.Time) {
	limiter := (*rate.Limiter)(l)
	if limiter.TokensAt(now) > -maxDebt*float64(limiter.Burst()) {
		limiter.ReserveN(now, 1)
	}
}
