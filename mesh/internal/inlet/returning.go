package inlet

import (
	"errors"
	"maps"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/stats"
)

const (
	// maxReturning is how many events are remembered that an import gave back as handlers failed
	// them.
	maxReturning = 1024
	// overdue is how long an event may be late before another instance is taken to have it.
	overdue = time.Minute
)

// returning is an event that handlers of this node failed, and that went back to come again.
type returning struct {
	header   cause.Header
	failures []delivery.Failure
	try      int
	next     time.Time
}

// noteReturning remembers an event that goes back, if somebody failed it and there is room.
func (d *durable) noteReturning(t *taken, failures []delivery.Failure, after time.Duration) {
	r := returning{header: t.header, try: int(min(t.tries, config.MaxRedeliveries)), next: time.Unix(0, d.Clock.Wall()).Add(after)}
	for _, f := range failures {
		if !errors.Is(f.Err, delivery.ErrNotTaken) {
			r.failures = append(r.failures, f)
		}
		if !f.Excused {
			r.try = int(min(t.tries, config.MaxRedeliveries)) + 1
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(r.failures) == 0 {
		return
	}
	if len(d.returning) >= maxReturning {
		d.forgetOverdueLocked()
	}
	if d.returning == nil {
		d.returning = map[uint64]returning{}
	}
	if len(d.returning) < maxReturning {
		d.returning[t.sequence] = r
	}
}

// forgetOverdueLocked forgets what another instance has by now.
func (d *durable) forgetOverdueLocked() {
	now := time.Unix(0, d.Clock.Wall())
	maps.DeleteFunc(d.returning, func(_ uint64, r returning) bool { return now.Sub(r.next) > overdue })
}

// retrying lists what handlers failed and comes again, with an entry for each handler.
func (d *durable) retrying() (list []stats.Retrying) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgetOverdueLocked()
	for _, r := range d.returning {
		h := &r.header
		for _, f := range r.failures {
			list = append(list, stats.Retrying{Type: h.Subject(), Key: h.Key, Handler: handlerOf(f.Place), Event: h.ID, Root: h.Root,
				Try: r.try, Of: d.settings.Redelivery.Tries, NextAt: r.next, Error: letters.ErrorText(f.Err), Durable: true})
		}
	}
	return list
}

// Retrying lists the events of durable imports that handlers of this node failed, and that went
// back to come again, in no order. The nil Set has none.
func (s *Set) Retrying() (list []stats.Retrying) {
	if s == nil {
		return nil
	}
	for _, d := range s.exchange.Load().durables() {
		list = append(list, d.retrying()...)
	}
	return list
}
