package mesh

import (
	"errors"
	"leafmesh/mesh/stats"
	"sync"
	"sync/atomic"
)

// counter stands on a cache line of its own: emitters and workers count side
// by side.
type counter struct {
	atomic.Uint64
	_ [56]byte
}

// counters holds all counts of a node by type, outcome, place and rule.
type counters struct {
	mu      sync.Mutex
	cells   map[cellKey]*counter // guarded by mu
	tallies map[tallyKey]*tally  // guarded by mu
}

type cellKey struct {
	subject string
	outcome stats.Outcome
	place   string
	rule    string
}

type tallyKey struct{ subject, place string }

func newCounters() *counters {
	return &counters{cells: map[cellKey]*counter{}, tallies: map[tallyKey]*tally{}}
}

// cell gives the counter of a key. Keep it: finding it takes a lock.
func (c *counters) cell(subject string, outcome stats.Outcome, place, rule string) *counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cellLocked(cellKey{subject, outcome, place, rule})
}

func (c *counters) cellLocked(key cellKey) *counter {
	cell := c.cells[key]
	if cell == nil {
		cell = new(counter)
		c.cells[key] = cell
	}
	return cell
}

// tally is what is counted of one event type at one consumer.
type tally struct {
	subject, place string

	delivered, handled, failed, retried *counter
	shed, full, closed, lost, malformed *counter
	exported, unheard, tapped, oversize *counter
	broken, severed, returned           *counter

	rules atomic.Pointer[handlerRules] // at place handler; nil: none
	cut   atomic.Bool                  // by hand: the place takes no events of the type

	children           children      // what a handler emitted for the events
	errFull, errClosed *RefusedError // made once: refusing must be cheap
}

// tally gives the counts of a type at a place. Keep it.
func (c *counters) tally(subject, place string) *tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := tallyKey{subject, place}
	if t := c.tallies[key]; t != nil {
		return t
	}
	cell := func(outcome stats.Outcome, rule string) *counter {
		return c.cellLocked(cellKey{subject, outcome, place, rule})
	}
	t := &tally{
		subject: subject, place: place,
		delivered: cell(stats.Delivered, ""), handled: cell(stats.Handled, ""),
		failed: cell(stats.Failed, ""), retried: cell(stats.Retried, ""),
		shed: cell(stats.Shed, stats.QueueFull), full: cell(stats.Refused, stats.QueueFull), closed: cell(stats.Refused, stats.Closed),
		lost: cell(stats.Lost, stats.Closed), malformed: cell(stats.Lost, stats.Malformed), oversize: cell(stats.Lost, stats.PayloadSize),
		broken: cell(stats.Shed, stats.Breaker), severed: cell(stats.Shed, stats.Cut),
		returned: cell(stats.Returned, ""),
		exported: cell(stats.Exported, ""), unheard: cell(stats.Unheard, ""), tapped: cell(stats.Tapped, ""),
		errFull:   &RefusedError{Type: subject, Place: place, Rule: stats.QueueFull},
		errClosed: &RefusedError{Type: subject, Place: place, Rule: stats.Closed, Cause: ErrClosed},
	}
	c.tallies[key] = t
	return t
}

// talliesOf lists the tallies of a type.
func (c *counters) talliesOf(subject string) (list []*tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, t := range c.tallies {
		if key.subject == subject {
			list = append(list, t)
		}
	}
	return list
}

// refusal counts and names why a place could not be reserved.
func (t *tally) refusal(err error) error {
	switch {
	case errors.Is(err, errFull):
		t.full.Add(1)
		return t.errFull
	case errors.Is(err, ErrClosed):
		t.closed.Add(1)
		return t.errClosed
	default: // the emitter's context ended while it waited
		t.full.Add(1)
		return &RefusedError{Type: t.subject, Place: t.place, Rule: stats.QueueFull, Cause: err}
	}
}

// countShed counts an event that the place did not take.
func (t *tally) countShed() {
	if t.cut.Load() {
		t.severed.Add(1)
	} else {
		t.shed.Add(1)
	}
}
