package transact

import (
	"context"
	"fmt"
	"time"

	"leafmesh/mesh"
)

const insertEvent = "INSERT INTO mesh_outbox (id, at, message) VALUES (?, ?, ?)"

// Emit puts an event into the service's transaction, which needs the table of
// [OutboxSchema]. It takes effect after the COMMIT, when a [Relay] relays it; call
// [Relay.Wake] then. ctx is that of a handler, whose cascade the event joins, or
// one of [mesh.Node.Context]. On an error roll the transaction back, or the
// state changes without the event.
//
// The gate is asked at once. A rule that sheds or coalesces refuses the event
// here, and one that waits does so with the transaction open: give a rule on such
// a type the policy refuse. The errors are those of [mesh.Event.Stage] and of the
// database.
func Emit[T any](ctx context.Context, tx Tx, event *mesh.Event[T], value T) error {
	staged, err := event.Stage(ctx, value)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, insertEvent, staged.ID[:], time.Now().UnixMilli(), staged.Message); err != nil {
		return fmt.Errorf("transact: write %s to mesh_outbox: %w", event.Subject(), err)
	}
	return nil
}
