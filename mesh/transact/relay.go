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
	// Database has the outbox: the table of [OutboxSchema] or [PostgresOutboxSchema].
	Database Database
	// Poll is how often the Relay looks without having been woken; default 1s. It
	// finds what was committed by another process, or just before a crash.
	Poll time.Duration
	// Logger gets a line for each row that is set aside, and one when the Relay fails, at
	// most one a minute; default: none.
	Logger *slog.Logger
}

const defaultPoll = time.Second

// Relay gives the events of an outbox to a node, in their order. It is made before
// its node, as the handlers that wake it are, and owns one goroutine from Start to
// Stop. Its methods are safe for concurrent use.
type Relay struct {
	outbox outbox
	poll   time.Duration
	log    *slog.Logger

	wake    chan struct{}
	relayed atomic.Uint64
	twice   atomic.Uint64

	mu      sync.Mutex
	cancel  context.CancelFunc // guarded by mu: ends the goroutine; nil before Start
	done    chan struct{}      // guarded by mu: closed when the goroutine has ended
	failure error              // guarded by mu: of the last try
	aside   aside              // guarded by mu; changed by the goroutine alone

	// Owned by the goroutine.
	node    *mesh.Node
	gone    []int64 // rows that were relayed and are not yet deleted
	unsure  bool    // a deletion of them failed, and may have been done nevertheless
	logged  time.Time
	retryAt time.Time // when the rows set aside are tried again
	retry   time.Duration
}

// NewRelay makes a Relay, which does nothing before Start.
func NewRelay(c Config) *Relay {
	r := &Relay{outbox: outbox{c.Database}, poll: cmp.Or(c.Poll, defaultPoll), log: c.Logger, wake: make(chan struct{}, 1), retry: retryAside}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Start begins to relay to a node: the one whose contexts the events were emitted
// with. It returns an error for a Config that is not complete, if the database can
// not be read, most likely because [OutboxSchema] is not among its migrations, for a
// SQLite database whose connections do not wait for each other (the package's
// documentation says how to open one), and for a Relay that was started before. ctx
// bounds only the start. Stop the Relay before the node and the database are closed.
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
	if err := r.checkSQLite(ctx, node.Name()); err != nil {
		return fmt.Errorf("transact: start the relay of node %s: %w", node.Name(), err)
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

// Wake makes the Relay look: at once, or when it has rested after its last look, for 156 µs for
// each event that it found then, 5 ms at most. Call it after a COMMIT; it never blocks, and for
// many commits one look is enough. Without it events wait for Config.Poll. Before Start it does
// nothing, as Start looks.
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
