package transact

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
)

// Inbox remembers, in the service's database, which events its handlers have
// handled. The zero Inbox is ready for use, and must not be copied then; it needs
// the table of [InboxSchema] or [PostgresInboxSchema]. Its method is safe for concurrent use.
type Inbox struct {
	// Window is how long an event is remembered from when it was handled; default
	// 14 days. An event that comes again later counts as new. It must be longer than
	// the emitter's side can keep an event: 7 days in a durable export's
	// outbox unless its configuration says more. The default is twice that, so that a
	// week is left for one that lay somewhere else.
	Window time.Duration

	now   func() time.Time // nil: steadyNow
	calls atomic.Uint64    // of First for new events
}

const defaultWindow = 14 * 24 * time.Hour

// One call of First in pruneEvery, the first among them, deletes up to prunedAtOnce
// rows: more than were added since, so that the table shrinks back after a
// time of many events. Two rows with each call took a third of the time of First.
const (
	pruneEvery   = 16
	prunedAtOnce = 2 * pruneEvery
)

const (
	// The primary key decides. Where transactions run side by side, as in PostgreSQL, a
	// second call for the event waits for the end of the first one's transaction.
	insertHandled = "INSERT INTO mesh_inbox (id, handler, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
	// The event's other rows stay if they are younger.
	deleteHandled = `DELETE FROM mesh_inbox WHERE at < $1 AND id IN
		(SELECT id FROM mesh_inbox WHERE at < $1 ORDER BY at LIMIT $2)`
)

// First reports whether ctx's handler handles its event for the first time, and
// writes down that it does, in the handler's transaction: a rollback takes that
// back. If it returns false, the handler's work is done: return nil.
//
//	first, err := inbox.First(ctx, tx)
//	if err != nil || !first {
//		return err
//	}
//
// Each handler of an event has its own memory, by the handler's name: who renames
// a handler lets it handle once more what comes again. The memory is that of the
// database: instances that share an import need one database. Call it before the
// transaction changes anything: it may wait for another transaction that handles
// the same event.
//
// It is an error outside of a handler. Now and then a call also forgets some events
// that are older than Window, two for each that is added.
func (i *Inbox) First(ctx context.Context, tx Tx) (bool, error) {
	header, ok := mesh.HeaderOf(ctx)
	handler, running := mesh.HandlerOf(ctx)
	if !ok || !running {
		return false, errors.New("transact: First is for the context of a handler that runs")
	}
	now := steadyNow
	if i.now != nil {
		now = i.now
	}
	at := now()
	result, err := tx.ExecContext(ctx, insertHandled, header.ID[:], handler, at.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("transact: write event %s to mesh_inbox: %w", header.ID, explain(err))
	}
	added, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("transact: write event %s to mesh_inbox: %w", header.ID, err)
	}
	if added == 0 {
		return false, nil
	}
	if i.calls.Add(1)%pruneEvery != 1 {
		return true, nil
	}
	return true, i.prune(ctx, tx, at)
}

// started is when the process was.
var started = time.Now()

// steadyNow is the time as if the wall clock had not been set since then: else an inbox would
// forget all it knows when the clock is set by more than its window.
func steadyNow() time.Time { return started.Add(time.Since(started)) }

func (i *Inbox) prune(ctx context.Context, tx Tx, now time.Time) error {
	window := i.Window
	if window <= 0 {
		window = defaultWindow
	}
	oldest := now.Add(-window).UnixMilli()
	if _, err := tx.ExecContext(ctx, deleteHandled, oldest, prunedAtOnce); err != nil {
		return fmt.Errorf("transact: prune mesh_inbox: %w", explain(err))
	}
	return nil
}
