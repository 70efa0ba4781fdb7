package transact

import (
	"context"
	"fmt"
	"time"

	"leafmesh/mesh"
)

const insertEvent = "INSERT INTO mesh_outbox (id, at, message) VALUES ($1, $2, $3)"

// Emit puts an event into the service's transaction, which needs the table of [OutboxSchema] or
// [PostgresOutboxSchema]. It takes effect after the COMMIT, when a [Relay] relays it; call
// [Relay.Wake] then. ctx is that of a handler, whose cascade the event joins, or one of
// [mesh.Node.Context]. On an error roll the transaction back, or the state changes without the
// event.
//
// Emit is [mesh.Event.Stage] and [Put] in one. It is for a transaction that holds
// up nobody else: the gate is asked while it is open, and a rule that waits does so
// then. Where others wait for the end of the transaction, as in any SQLite database
// and above all in a writer that shares one among its callers, stage the event
// before and put it in.
//
// A rule that sheds or coalesces refuses the event. The errors are those of Stage
// and of Put.
func Emit[T any](ctx context.Context, tx Tx, event *mesh.Event[T], value T) error {
	staged, err := event.Stage(ctx, value)
	if err != nil {
		return err
	}
	return Put(ctx, tx, staged)
}

// Put puts events that were staged before into the service's transaction, in
// their order, as [Emit] does. It waits for the database alone. On an error roll the
// transaction back.
//
// An event that is put in a second time is relayed a second time, under its id:
// so it is when a handler runs again for its event. The outbox of a durable
// export drops it for as long as it knows the id, and so does an [Inbox].
func Put(ctx context.Context, tx Tx, events ...mesh.Staged) error {
	for _, e := range events {
		if _, err := tx.ExecContext(ctx, insertEvent, e.ID[:], time.Now().UnixMilli(), e.Message); err != nil {
			return fmt.Errorf("transact: write event %s to mesh_outbox: %w", e.ID, explain(err))
		}
	}
	return nil
}
