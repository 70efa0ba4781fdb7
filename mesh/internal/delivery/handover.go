package delivery

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/internal/steps"
)

// ErrNotTaken is why a handler did not handle an event of a durable import.
var ErrNotTaken = errors.New("the handler's queue was full, or it is cut")

// Handover is one event of a durable import on its way through the handlers of this node. When the
// last of them is done with it, it is settled. Every other event has none.
type Handover struct {
	// Last says that the event does not come again if it fails now.
	Last bool
	// Again says that the event has failed before, here or at another instance, and that was told.
	Again bool

	before []string // the handlers that have handled it at former times, and get it no more
	settle func(Settlement)

	mu       sync.Mutex
	open     int       // guarded by mu: handlers that are not done, and one while it is delivered
	takers   []*Taker  // guarded by mu: who got it this time, handlers and others
	failures []Failure // guarded by mu
}

// Settlement is what became of an event at the handlers of this node.
type Settlement struct {
	// Done are the handlers that have handled it, those of former times too. It is empty if nothing
	// failed, as the event is over then.
	Done     []string
	Failures []Failure
}

// Failure is one handler that did not handle an event.
type Failure struct {
	Place steps.Place
	// Excused is no reason to give the event up, however often: it was not even tried, the handler
	// said not now, or the outbox did not take what the handler emitted.
	Excused bool
	Final   bool // trying again would not help
	// After is when the handler wants to be asked again; 0: it did not say.
	After time.Duration
	Err   error
	Stack []byte // where the handler panicked; nil: it did not
}

// JoinFailures makes one error of all, nil of none.
func JoinFailures(failures []Failure) error {
	var errs []error
	for _, f := range failures {
		errs = append(errs, fmt.Errorf("%s: %w", f.Place, f.Err))
	}
	return errors.Join(errs...)
}

// NewHandover makes the handover of an event. The handlers named by done get it no more; a name
// that no handler has says nothing. settle is called once, by the goroutine that was done last, and
// only if [Targets.Deliver] delivers the event.
func NewHandover(last bool, done []string, settle func(Settlement)) *Handover {
	return &Handover{Last: last, before: done, settle: settle}
}

// hasDone reports whether a taker is a handler that has handled the event before.
func (d *Handover) hasDone(t *Taker) bool {
	return t.IsHandler() && slices.Contains(d.before, t.Place.Handler)
}

// begin says who gets the event. It must be followed by one Leave more than there are handlers.
func (d *Handover) begin(takers []*Taker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.takers, d.open = takers, 1
	for _, t := range takers {
		if t.IsHandler() {
			d.open++
		}
	}
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
	settled, s := d.open == 0, Settlement{Failures: d.failures}
	if settled && len(d.failures) > 0 {
		s.Done = d.doneLocked()
	}
	d.mu.Unlock()
	if settled {
		d.settle(s)
	}
}

// doneLocked lists who has handled the event: first who did now, then those of former times.
func (d *Handover) doneLocked() (names []string) {
	for _, t := range d.takers {
		failed := func(f Failure) bool { return f.Place == t.Place }
		if t.IsHandler() && !slices.ContainsFunc(d.failures, failed) {
			names = append(names, t.Place.Handler)
		}
	}
	return append(names, d.before...)
}
