package transact

import (
	"cmp"
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
	// gather is the least time between the beginnings of two looks, unless one was
	// not enough. A lone event does not wait; of many, those that come meanwhile share
	// a look, a trip to the node's outbox and a deletion.
	gather = 5 * time.Millisecond
	// After a failure the Relay waits, twice as long each time.
	firstDelay = 50 * time.Millisecond
	maxDelay   = 10 * time.Second
	// logEvery is the time between two lines about failures.
	logEvery = time.Minute
	// deleteTimeout bounds a deletion, which Stop waits for.
	deleteTimeout = 10 * time.Second
)

// Relay gives the events of an outbox to a node, in their order. It is made before
// its node, as the handlers that wake it are, and owns one goroutine from Start to
// Stop. Its methods are safe for concurrent use.
type Relay struct {
	outbox outbox
	poll   time.Duration
	log    *slog.Logger

	wake    chan struct{}
	relayed atomic.Uint64

	mu      sync.Mutex
	cancel  context.CancelFunc // guarded by mu: ends the goroutine; nil before Start
	done    chan struct{}      // guarded by mu: closed when the goroutine has ended
	failure error              // guarded by mu: of the last try

	// Owned by the goroutine.
	node   *mesh.Node
	gone   []int64 // rows that were relayed and are not yet deleted
	logged time.Time
}

// NewRelay makes a Relay, which does nothing before Start.
func NewRelay(c Config) *Relay {
	r := &Relay{outbox: outbox{c.Database}, poll: cmp.Or(c.Poll, defaultPoll), log: c.Logger, wake: make(chan struct{}, 1)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Start begins to relay to a node: the one whose contexts the events were emitted
// with. It returns an error for a Config that is not complete, if the database can
// not be read, most likely because [OutboxSchema] is not among its migrations, and
// for a Relay that was started before. ctx bounds only the start. Stop the Relay
// before the node and the database are closed.
func (r *Relay) Start(ctx context.Context, node *mesh.Node) error {
	switch {
	case node == nil || r.outbox.db == nil:
		return errors.New("transact: a Relay needs a node and a Database")
	case r.poll < 0:
		return fmt.Errorf("transact: poll is %v; it must be positive, or 0 for %v", r.poll, defaultPoll)
	}
	if _, _, err := r.outbox.backlog(ctx); err != nil {
		return fmt.Errorf("transact: start the relay of node %s: %w; is transact.OutboxSchema among the migrations?", node.Name(), err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return errors.New("transact: the Relay was started before; make a new one")
	}
	node.AddBacklog(func(ctx context.Context) (int, error) {
		waiting, _, err := r.outbox.backlog(ctx)
		return waiting, err
	})
	r.node, r.done = node, make(chan struct{})
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go r.run(ctx, r.done)
	return nil
}

// Wake makes the Relay look, at once or 5 ms after its last look. Call it after a COMMIT; it never blocks, and
// for many commits one look is enough. Without it events wait for Config.Poll.
// Before Start it does nothing, as Start looks.
func (r *Relay) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Stop ends the Relay and waits for it, at most for one deletion. Events that are
// left stay in the outbox, for the next process. Harmless before Start; it may be
// called more than once.
func (r *Relay) Stop() {
	r.mu.Lock()
	cancel, done := r.cancel, r.done
	r.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-done
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
func (r *Relay) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	for delay := firstDelay; ; {
		begun := time.Now()
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
			rest(ctx, gather-time.Since(begun), nil)
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
