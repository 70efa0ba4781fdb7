package handling

import (
	"context"
	"errors"
	"slices"

	"github.com/sony/gobreaker/v2"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/stats"
)

// Caller calls a handler's function.
type Caller interface {
	// Call calls it once. value points to the event's value.
	Call(it *delivery.Item, value any, try int) error
	// GiveUp ends an event that was tried so often, for the last time in vain.
	GiveUp(it *delivery.Item, value any, tries int, why error)
}

// Spec says how a handler is run.
type Spec struct {
	Settings config.HandlerSettings
	Clock    *clock.Clock
	Handling context.Context // ends when the node waits for its handlers no longer
	Breaker  *Breaker        // shared by the handler's workers; nil: none
	// Copy copies what a pointer to an event's value points to, and points to the copy.
	Copy func(value any) any
}

// Breaker is the circuit breaker of a handler.
type Breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

// NewBreaker makes a handler's breaker, or nil if it has none.
func NewBreaker(handler string, s config.HandlerSettings) *Breaker {
	if s.Failures == 0 {
		return nil
	}
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        handler,
		Timeout:     s.Probe,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= s.Failures },
	})
}

// worker runs a handler for the events of one queue, one at a time.
type worker struct {
	Spec
	Caller
	queue *queue.Core[delivery.Item]
}

// New makes what runs a handler for the events of a queue.
func New(s Spec, c Caller, q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
	return &worker{Spec: s, Caller: c, queue: q}
}

// Process handles one event: tries, and in the end a result that is counted. See queue.Processor.
func (w *worker) Process(it *delivery.Item, value any) bool {
	inForce := it.At.Rules.Load()
	switch {
	case w.queue.Overtakes(it, it.KeptBy != nil):
		return false
	case it.Awaited():
		defer it.Done() // also if the handler ends its goroutine
	}
	if inForce != nil {
		w.processLimited(it, value, inForce)
	} else {
		w.try(it, value)
	}
	return true
}

// processLimited is try if the rules let the event pass.
func (w *worker) processLimited(it *delivery.Item, value any, inForce *rules.HandlerSet) {
	event := rules.Of(&it.Header)
	event.KeptBy, event.Promised = it.KeptBy, it.Handover != nil
	if !w.admit(it, value, &event, rules.After(inForce.Rates, it.KeptBy)) {
		return
	}
	begun := 0
	defer func() { rules.EndCalls(inForce.Calls[:begun], &event) }() // also if the handler ends its goroutine
	for ; begun < len(inForce.Calls); begun++ {
		if !w.admit(it, value, &event, inForce.Calls[begun:begun+1]) {
			return
		}
	}
	w.try(it, value)
}

// admit asks rules of the handler. What they refuse is given up, and what they keep comes back.
func (w *worker) admit(it *delivery.Item, value any, event *rules.Event, ask []*rules.Rule) bool {
	v, err := rules.Admit(w.Handling, ask, event, w.Clock.Now())
	if err != nil {
		w.GiveUp(it, value, 0, err)
	} else if v.Keep != nil {
		delivery.Keep(v.Keep, w.queue, it, w.Copy(value))
	}
	return v == rules.Passed && err == nil
}

// ErrGoexit is why an event is given up whose handler ended its goroutine.
var ErrGoexit = errors.New("the handler ended its goroutine")

// try tries an event until it is handled or given up.
func (w *worker) try(it *delivery.Item, value any) {
	err := ErrGoexit // unless Call returns
	if w.Breaker != nil {
		done, open := w.Breaker.Allow()
		if open != nil {
			it.Lose(it.At.ShedBreaker, open)
			return
		}
		defer func() { done(err) }()
	}
	for try := 1; ; try++ {
		if w.Handling.Err() != nil { // the node gave up waiting
			it.Lose(it.At.LostClosed, stats.ErrClosed)
			err = nil
			return
		}
		if err = w.Call(it, value, try); err == nil {
			it.At.Handled.Pass(&it.Header)
			return
		}
		if try >= w.Settings.Tries || IsFinal(err) {
			w.GiveUp(it, value, try, err)
			return
		}
		it.At.Retried.PassError(&it.Header, err)
		clock.Sleep(w.Handling, clock.Backoff{First: w.Settings.FirstPause, Max: w.Settings.LongestPause}.Delay(try))
	}
}

// IsFinal reports whether an error of a handler is not to be tried again.
func IsFinal(err error) bool { return IsOneOf(err, stats.ErrCascade) }

// IsOneOf is errors.Is for errors of others, which may panic when they are asked, as a nil pointer
// in an error does.
func IsOneOf(err error, targets ...error) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
