package transact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
)

// Config says what a Relay is to relay.
type Config struct {
	// Node takes the events. It is the node whose contexts they were emitted with.
	Node *mesh.Node
	// Database has the outbox: the table of [OutboxSchema].
	Database Database
	// Poll is how often the Relay looks without having been woken; default 1s. It
	// finds what was committed by another process, or just before a crash.
	Poll time.Duration
	// Logger gets a line when the Relay fails, at most one a minute; default: none.
	Logger *slog.Logger
}

const (
	defaultPoll = time.Second
	// After a failure the Relay waits, twice as long each time.
	firstDelay = 50 * time.Millisecond
	maxDelay   = 10 * time.Second
	// logEvery is the time between two lines about failures.
	logEvery = time.Minute
	// deleteTimeout bounds a deletion, which Stop waits for.
	deleteTimeout = 10 * time.Second
)

// Relay gives the events of an outbox to a node, in their order. It owns one
// goroutine, from Start to Stop. Its methods are safe for concurrent use.
type Relay struct {
	node   *mesh.Node
	outbox outbox
	poll   time.Duration
	log    *slog.Logger

	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	relayed atomic.Uint64
	mu      sync.Mutex
	failure error // guarded by mu: of the last try

	// Owned by the goroutine.
	gone   []int64 // rows that were relayed and are not yet deleted
	logged time.Time
}

// Start starts a Relay. It returns an error if the database can not be read, most
// likely because [OutboxSchema] is not among its migrations. ctx bounds only the
// start. Stop the Relay before its node and its database are closed.
func Start(ctx context.Context, c Config) (*Relay, error) {
	switch {
	case c.Node == nil || c.Database == nil:
		return nil, errors.New("transact: a Relay needs a Node and a Database")
	case c.Poll < 0:
		return nil, fmt.Errorf("transact: poll is %v; it must be positive, or 0 for %v", c.Poll, defaultPoll)
	}
	r := &Relay{node: c.Node, outbox: outbox{c.Database}, poll: c.Poll, log: c.Logger,
		wake: make(chan struct{}, 1), done: make(chan struct{})}
	if r.poll == 0 {
		r.poll = defaultPoll
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if _, _, err := r.outbox.backlog(ctx); err != nil {
		return nil, fmt.Errorf("transact: start the relay of node %s: %w; is transact.OutboxSchema among the migrations?", c.Node.Name(), err)
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go r.run(ctx)
	return r, nil
}

// Wake makes the Relay look at once. Call it after a COMMIT; it never blocks, and
// for many commits one look is enough. Without it events wait for Config.Poll.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Stop ends the Relay and waits for it, at most for one deletion. Events that are
// left stay in the outbox. It may be called more than once.
func (r *Relay) Stop() {
	r.cancel()
	<-r.done
}

// Stats is what a Relay has done and has before it.
type Stats struct {
	Waiting int       // events in the outbox
	Oldest  time.Time // when the first of them was emitted; zero: none waits
	Relayed uint64    // events that the node took since Start
	// Failure is why the last try failed; nil if it did not. With
	// [mesh.ErrUnrelayable] somebody has to act: it names the row.
	Failure error
}

// Stats counts the rows of the outbox: 12 ms where 100,000 wait (BenchmarkStats).
func (r *Relay) Stats(ctx context.Context) (s Stats, err error) {
	if s.Waiting, s.Oldest, err = r.outbox.backlog(ctx); err != nil {
		return Stats{}, fmt.Errorf("transact: %w", err)
	}
	s.Relayed = r.relayed.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Failure = r.failure
	return s, nil
}

// run relays until ctx ends.
func (r *Relay) run(ctx context.Context) {
	defer close(r.done)
	for delay := firstDelay; ; {
		more, err := r.pass(ctx)
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
			rest(ctx, r.poll, r.wake)
		}
	}
}

// pass relays one batch, and reports whether there may be more.
func (r *Relay) pass(ctx context.Context) (more bool, err error) {
	if err := r.clean(ctx); err != nil {
		return false, err
	}
	b, err := r.outbox.first(ctx)
	if err != nil {
		return false, err
	}
	n, err := r.node.Relay(ctx, b.events...)
	r.relayed.Add(uint64(n))
	r.gone = append(r.gone, b.rows[:n]...)
	if err != nil {
		err = refusal(b.rows[n], err)
	}
	return b.full, errors.Join(err, r.clean(ctx))
}

// clean deletes what was relayed, also when ctx has ended: what is left would be
// relayed again. What can not be deleted is remembered and not relayed again by
// this Relay.
func (r *Relay) clean(ctx context.Context) error {
	if len(r.gone) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
	defer cancel()
	if err := r.outbox.remove(ctx, r.gone); err != nil {
		return err
	}
	r.gone = r.gone[:0]
	return nil
}

// refusal names the row that stopped the Relay and, if it stays like that, what
// to do.
func refusal(row int64, err error) error {
	if errors.Is(err, mesh.ErrUnrelayable) {
		return fmt.Errorf("row %d of mesh_outbox and all behind it wait: %w; to give this event up: DELETE FROM mesh_outbox WHERE seq = %d", row, err, row)
	}
	return fmt.Errorf("row %d of mesh_outbox: %w", row, err)
}

// note keeps how a try ended, and logs a failure now and then.
func (r *Relay) note(err error) {
	if err != nil && time.Since(r.logged) >= logEvery {
		r.logged = time.Now()
		r.log.Error("events of the outbox are not relayed", "node", r.node.Name(), "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// rest waits a while, until it is woken or ctx ends.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}
