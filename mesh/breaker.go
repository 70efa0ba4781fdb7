package mesh

import "github.com/sony/gobreaker/v2"

// breaker is the circuit breaker of a handler, shared by its workers.
type breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

// newBreaker gives a handler's breaker, or nil if it has none.
func newBreaker(handler string, o handlerOptions) *breaker {
	if o.failures == 0 {
		return nil
	}
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        handler,
		Timeout:     o.probe,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= o.failures },
	})
}
