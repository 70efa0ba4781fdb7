package handling

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

// Caller calls a handler's function.
type Caller interface {
	// Call calls it once, and says which try that is. value points to the event's value.
	Call(it *delivery.Item, value any, try int) error
	// TryAgain says that a call failed with err and that the event is tried again. It gives back
	// what the call charged to the event's cascade.
	TryAgain(it *delivery.Item, try int, err error)
	// Recovered says that an event was handled at the given try, after others had failed.
	Recovered(it *delivery.Item, try int)
	// GiveUp ends an event that was tried so often, for the last time in vain and at the time of
	// last. Calls that ended with NotNow are no tries.
	GiveUp(it *delivery.Item, value any, tries int, last steps.Span, why error)
}

// Spec says how a handler is run.
type Spec struct {
	Handler  string
	Settings config.HandlerSettings
	Clock    *clock.Clock
	// Intake ends when the node takes no more events: what came from an outbox goes back there, but
	// for what is being handled. Handling ends when the node waits for its handlers no longer.
	Intake, Handling context.Context
	Breaker          *Breaker // shared by the handler's workers; nil: none
	// Copy copies what a pointer to an event's value points to, and points to the copy.
	Copy func(value any) any
	// Rests has those of all handlers of the node.
	Rests *Rests
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
		IsExcluded:  isNotNow,
	})
}

// worker runs a handler for the events of one queue, one at a time.
type worker struct {
	Spec
	Caller
	queue *queue.Core[delivery.Item]
	rest  *rest
	ended int64 // when the last call ended, if the next one follows at once; else 0
}

// New makes what runs a handler for the events of a queue.
func New(s Spec, c Caller, q *queue.Core[delivery.Item]) queue.Processor[delivery.Item] {
	return &worker{Spec: s, Caller: c, queue: q, rest: s.Rests.add(q, s.Handler, s.Settings.Tries)}
}

// Process handles one event: tries, and in the end a result that is counted. See queue.Processor.
func (w *worker) Process(it *delivery.Item, value any) bool {
	inForce, again := it.At.Rules.Load(), it.Again
	switch {
	case w.queue.Overtakes(it, it.WasBack()):
		return false
	case it.Awaited() || again != nil:
		defer w.done(it) // also if the handler ends its goroutine
	}
	switch {
	case it.Handover != nil && w.Intake.Err() != nil:
		it.Lose(it.At.LostClosed, stats.ErrClosed)
	case again == nil && w.rest.busy(it.Header.Key):
		if err := w.rest.join(it, w.Copy(value)); err != nil {
			w.GiveUp(it, value, 0, steps.Span{}, err)
		}
	case again != nil && again.Begun:
		w.resume(it, value, *again)
	case inForce != nil:
		w.processLimited(it, value, inForce)
	default:
		w.begin(it, value, w.rest)
	}
	return true
}

// done tells that an item was processed, unless it was moved elsewhere.
func (w *worker) done(it *delivery.Item) {
	it.Done()
	if it.Again != nil {
		w.rest.next(it.Header.Key)
	}
}

// processLimited is begin if the rules let the event pass.
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
	rest := w.rest
	if len(inForce.Calls) > 0 {
		rest = nil // what rests would hold its places, for which the worker itself may come to wait
	}
	w.begin(it, value, rest)
}

// admit asks rules of the handler. What they refuse is given up, and what they keep comes back.
func (w *worker) admit(it *delivery.Item, value any, event *rules.Event, ask []*rules.Rule) bool {
	w.ended = 0 // a rule may make the worker wait
	v, err := rules.Admit(w.Handling, ask, event, w.Clock.Now())
	if err != nil {
		w.GiveUp(it, value, 0, steps.Span{}, err)
	} else if v.Keep != nil {
		delivery.Keep(v.Keep, w.queue, it, w.Copy(value))
	}
	return v == rules.Passed && err == nil
}

// ErrGoexit is why an event is given up whose handler ended its goroutine.
var ErrGoexit = errors.New("the handler ended its goroutine")

// begin tries an event for the first time, if the breaker lets it pass.
func (w *worker) begin(it *delivery.Item, value any, rest *rest) {
	if w.Breaker == nil {
		_, _ = w.try(it, value, delivery.Again{}, rest) // nobody asks how it ends
		return
	}
	settle, open := w.Breaker.Allow()
	if open != nil {
		it.Lose(it.At.ShedBreaker, open)
		return
	}
	w.trySettled(it, value, delivery.Again{Settle: settle}, rest)
}

// trySettled is try for a handler with a breaker.
func (w *worker) trySettled(it *delivery.Item, value any, a delivery.Again, rest *rest) {
	rests, err := false, ErrGoexit // unless Call returns
	defer func() {
		if !rests {
			a.Settle(err)
		}
	}()
	rests, err = w.try(it, value, a, rest)
}

// resume goes on with the tries of an event that has rested.
func (w *worker) resume(it *delivery.Item, value any, a delivery.Again) {
	if a.Settle != nil {
		w.trySettled(it, value, a, w.rest)
	} else {
		_, _ = w.try(it, value, a, w.rest) // nobody asks how it ends
	}
}

// try tries an event until it is handled or given up, or until it rests; with the nil rest the
// worker waits between tries. The error is that of the last try.
func (w *worker) try(it *delivery.Item, value any, a delivery.Again, rest *rest) (rests bool, err error) {
	life := w.Handling
	if it.Handover != nil {
		life = w.Intake
	}
	for {
		if life.Err() != nil { // the node gave up waiting, or another one can have the event
			it.Lose(it.At.LostClosed, stats.ErrClosed)
			return false, nil
		}
		var call steps.Span
		try := a.Tries + 1
		if call, err = w.call(it, value, try); err == nil {
			it.At.Handled.PassSpan(&it.Header, call, nil)
			if try > 1 {
				w.Recovered(it, try)
			}
			return false, nil
		}
		pause, notNow := IsNotNow(err)
		if !notNow {
			a.Tries++
		}
		if notNow && it.Handover != nil || !notNow && (a.Tries >= w.Settings.Tries || IsFinal(err)) {
			w.GiveUp(it, value, a.Tries, call, err)
			return false, err
		}
		w.TryAgain(it, try, err)
		it.At.Retried.PassSpan(&it.Header, call, err)
		if notNow {
			pause = max(pause, w.Settings.FirstPause)
		} else {
			pause = clock.Backoff{First: w.Settings.FirstPause, Max: w.Settings.LongestPause}.Delay(a.Tries)
		}
		if pause > 0 && rest.has(it.Header.Key) {
			a.Begun = true
			rest.lay(life, it, w.Copy(value), a, pause, w.failed(it, a.Tries, pause, err))
			return true, nil
		}
		w.rest.alone.set(w.failed(it, a.Tries, pause, err))
		clock.Sleep(life, pause)
		w.rest.alone.set(nil)
		w.ended = 0
	}
}

// call calls the handler, and measures the call if it is recorded: the end of one is the beginning
// of the next, so that a busy worker reads the clock once for each.
func (w *worker) call(it *delivery.Item, value any, try int) (call steps.Span, err error) {
	if !it.At.Handled.Recorded() {
		return call, w.Call(it, value, try)
	}
	if slept := w.queue.Slept(); slept || w.ended == 0 {
		w.ended = w.Clock.Now()
	}
	call.Begun, w.ended = w.ended, 0 // also if the handler ends its goroutine
	err = w.Call(it, value, try)
	w.ended = w.Clock.Now()
	call.Took = w.ended - call.Begun
	return call, err
}
