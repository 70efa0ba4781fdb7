package transact

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh"
)

const (
	// gather is how long the Relay rests for each event that its last look found, mostGather at
	// most, unless one look was not enough. A lone event hardly delays the next one; of many, those
	// that come meanwhile share a look, a trip to the node's outbox and a deletion. Always to rest
	// for mostGather was rejected: it delays the few as much as the many. So was to rest for as
	// long as the look took: of many events too few shared a look.
	gather     = mostGather / 32
	mostGather = 5 * time.Millisecond
	// After a failure the Relay waits, twice as long each time.
	firstDelay = 50 * time.Millisecond
	maxDelay   = 10 * time.Second
	// logEvery is the time between two lines about failures.
	logEvery = time.Minute
	// deleteTimeout bounds a deletion, which Stop waits for.
	deleteTimeout = 10 * time.Second
)

// run relays until ctx ends.
func (r *Relay) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	for delay := firstDelay; ; {
		found, more, err := r.pass(ctx)
		ended := time.Now()
		if ctx.Err() != nil {
			return
		}
		r.note(err)
		if err != nil {
			rest(ctx, delay, nil)
			delay = min(2*delay, maxDelay)
			continue
		}
		delay = firstDelay
		if !more {
			rest(ctx, r.pause(), r.wake)
			rest(ctx, min(time.Duration(found)*gather, mostGather)-time.Since(ended), nil)
		}
	}
}

// pause is how long the Relay waits to be woken.
func (r *Relay) pause() time.Duration {
	if len(r.aside.rows) > 0 {
		return min(r.poll, time.Until(r.retryAt))
	}
	return r.poll
}

// pass relays one batch, and reports how many events it found and whether there may be more.
func (r *Relay) pass(ctx context.Context) (found int, more bool, err error) {
	if err := r.clean(ctx); err != nil {
		return 0, false, err
	}
	if err := errors.Join(r.retryThoseAside(ctx), r.clean(ctx)); err != nil {
		return 0, false, err
	}
	b, err := r.outbox.first(ctx, r.aside.rows)
	if err != nil {
		return 0, false, err
	}
	err = r.give(ctx, b, r.setAside)
	return len(b.rows), b.full, errors.Join(err, r.clean(ctx))
}

// give relays a batch. Of an event that cannot be relayed it tells refused, and goes
// on behind it unless that returns an error.
func (r *Relay) give(ctx context.Context, b batch, refused func(row, error) error) error {
	for len(b.rows) > 0 {
		n, err := r.node.Relay(ctx, b.events...)
		r.relayed.Add(uint64(n))
		r.gone = append(r.gone, b.rows[:n]...)
		if err == nil {
			return nil
		}
		if err := refused(row{b.rows[n], b.events[n]}, err); err != nil {
			return err
		}
		b.rows, b.events = b.rows[n+1:], b.events[n+1:]
	}
	return nil
}

// clean deletes what was relayed, also when ctx has ended: what is left would be
// relayed again. What cannot be deleted is remembered and not relayed again by
// this Relay.
func (r *Relay) clean(ctx context.Context) error {
	if len(r.gone) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	deleted, err := r.outbox.remove(ctx, r.gone)
	if err != nil {
		r.unsure = true
		return err
	}
	missing := len(r.gone) - deleted
	if r.unsure { // it may have been this Relay that deleted them
		missing = 0
	}
	r.gone, r.unsure = r.gone[:0], false
	if missing > 0 {
		r.twice.Add(uint64(missing))
		return fmt.Errorf("%d events that were relayed are gone from mesh_outbox: %w", missing, errTwice)
	}
	return nil
}

// note keeps how a try ended, and logs a failure now and then.
func (r *Relay) note(err error) {
	if err != nil && time.Since(r.logged) >= logEvery {
		r.logged = time.Now()
		r.log.Error("the relay of the outbox failed", "node", r.node.Name(), "error", err, "remedy", relayRemedy(err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// errTwice says that two Relays have one outbox.
var errTwice = errors.New("another Relay has relayed them too; run one Relay for each outbox")

// relayRemedy says what to do about a failure of the Relay, which tries on in any case.
func relayRemedy(err error) string {
	switch {
	case errors.Is(err, errTwice):
		return "run one Relay for each outbox"
	case errors.Is(err, mesh.ErrOutboxDisk):
		return "free the disk of the node's outbox, whose folder the error names"
	case errors.Is(err, mesh.ErrOutboxFull):
		return "see which service does not take what the node keeps for it: meshctl doctor"
	case errors.Is(err, mesh.ErrClosed):
		return "stop the Relay before its node closes"
	}
	return "see that the service's database answers and has mesh_outbox, and free its disk if it is full"
}

// rest waits a while, until it is woken or ctx ends.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}
