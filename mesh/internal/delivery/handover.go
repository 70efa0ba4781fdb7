package delivery

import (
	"errors"
	"fmt"
	"sync"

	"leafmesh/mesh/internal/steps"
)

// ErrNotTaken is why a handler did not handle an event of a durable import.
var ErrNotTaken = errors.New("the handler's queue was full, or it is cut")

// Handover is one event of a durable import on its way through the handlers of this node. When the
// last of them is done with it, it is settled: acked if all have handled it. Every other event has
// none.
type Handover struct {
	// Last says that the event does not come again if it fails now.
	Last bool

	settle func(failures []Failure)

	mu       sync.Mutex
	open     int       // guarded by mu: handlers that are not done
	failures []Failure // guarded by mu
}

// Failure is one handler that did not handle an event.
type Failure struct {
	Place steps.Place
	// Excused is no reason to give the event up, however often: it was not even tried, or the
	// outbox did not take what the handler emitted.
	Excused bool
	Final   bool // trying again would not help
	Err     error
}

// JoinFailures makes one error of all, nil of none.
func JoinFailures(failures []Failure) error {
	var errs []error
	for _, f := range failures {
		errs = append(errs, fmt.Errorf("%s: %w", f.Place, f.Err))
	}
	return errors.Join(errs...)
}

// NewHandover makes the handover of an event that so many handlers take. settle is called once, by
// the goroutine that was done last, with what failed.
func NewHandover(handlers int, last bool, settle func([]Failure)) *Handover {
	return &Handover{Last: last, open: handlers, settle: settle}
}

// Fail says that a place did not handle the event.
func (d *Handover) Fail(f Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failures = append(d.failures, f)
}

// Leave says that one handler is done with the event.
func (d *Handover) Leave() {
	d.mu.Lock()
	d.open--
	settled, failures := d.open == 0, d.failures
	d.mu.Unlock()
	if settled {
		d.settle(failures)
	}
}
