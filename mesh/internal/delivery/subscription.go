package delivery

import (
	"errors"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Subscription is one event type at one place, whichever consumers are there.
type Subscription struct {
	*steps.Tally
	Rules atomic.Pointer[rules.HandlerSet] // of a handler; nil: none
	Cut   atomic.Bool                      // by hand: the place takes no events of the type

	errFull, errClosed error // made once: refusing must be cheap
}

// NewSubscription makes a subscription.
func NewSubscription(tally *steps.Tally) *Subscription {
	return &Subscription{Tally: tally,
		errFull:   steps.Refuse(tally.Type, tally.Place, stats.QueueFull, nil),
		errClosed: steps.Refuse(tally.Type, tally.Place, stats.Closed, stats.ErrClosed)}
}

// errCut is why a taker takes no event: it was cut by hand.
var errCut = errors.New("cut")

// refusal counts and names why a place could not be reserved for an event.
func (s *Subscription) refusal(e *rules.Event, err error) error {
	switch {
	case errors.Is(err, queue.ErrFull):
		e.Pass(s.RefusedFull, s.errFull)
		return s.errFull
	case errors.Is(err, queue.ErrClosed):
		e.Pass(s.RefusedClosed, s.errClosed)
		return s.errClosed
	default: // the emitter's context ended while it waited
		err = steps.Refuse(s.Type, s.Place, stats.QueueFull, err)
		e.Pass(s.RefusedFull, err)
		return err
	}
}

// passShed counts an event that the place did not take.
func (s *Subscription) passShed(h *cause.Header) {
	if s.Cut.Load() {
		s.ShedCut.Pass(h)
	} else {
		s.ShedFull.Pass(h)
	}
}
