package transact

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"leafmesh/mesh"
)

const (
	// batchEvents and batchBytes bound what is read at once: one statement's cost is
	// shared, and some megabytes are held in memory.
	batchEvents = 256
	batchBytes  = 4 << 20
)

const (
	selectEvents  = "SELECT seq, id, message FROM mesh_outbox ORDER BY seq LIMIT ?"
	selectBacklog = "SELECT COUNT(*), COALESCE((SELECT at FROM mesh_outbox ORDER BY seq LIMIT 1), 0) FROM mesh_outbox"
)

// outbox reads and deletes rows of the table.
type outbox struct{ db Database }

// batch is what was read: the events, and their rows' numbers in the same places.
type batch struct {
	events []mesh.Staged
	rows   []int64
	full   bool // there may be more
}

// first reads the events that were written first.
func (o outbox) first(ctx context.Context) (b batch, err error) {
	rows, err := o.db.QueryContext(ctx, selectEvents, batchEvents)
	if err != nil {
		return b, fmt.Errorf("read mesh_outbox: %w", err)
	}
	// Closed before anything is relayed: a relay may wait, and whoever it waits for
	// may need the connection.
	defer func() { err = errors.Join(err, rows.Close()) }()
	for bytes := 0; rows.Next(); {
		var seq int64
		var id, message []byte
		if err := rows.Scan(&seq, &id, &message); err != nil {
			return batch{}, fmt.Errorf("read mesh_outbox: %w", err)
		}
		staged := mesh.Staged{Message: message}
		copy(staged.ID[:], id) // of another length: refused when it is relayed
		b.events, b.rows = append(b.events, staged), append(b.rows, seq)
		if bytes += len(message); bytes >= batchBytes {
			b.full = true
			return b, nil
		}
	}
	if err := rows.Err(); err != nil {
		return batch{}, fmt.Errorf("read mesh_outbox: %w", err)
	}
	b.full = len(b.events) == batchEvents
	return b, nil
}

// remove deletes exactly these rows, at least one. A range of numbers was
// rejected: where transactions are committed side by side it may hold a row that
// was not yet to be seen when the others were read.
func (o outbox) remove(ctx context.Context, rows []int64) error {
	if _, err := o.db.ExecContext(ctx, deleteRows(len(rows)), padded(rows)...); err != nil {
		return fmt.Errorf("delete what was relayed from mesh_outbox: %w", err)
	}
	return nil
}

// statementRows is how many rows the statement for n rows names: the next power
// of two, so that there are few statements and each is prepared once.
func statementRows(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

func deleteRows(n int) string {
	return "DELETE FROM mesh_outbox WHERE seq IN (?" + strings.Repeat(", ?", statementRows(n)-1) + ")"
}

// padded gives the rows as arguments of their statement, the last one repeated.
func padded(rows []int64) []any {
	args := make([]any, statementRows(len(rows)))
	for i := range args {
		args[i] = rows[min(i, len(rows)-1)]
	}
	return args
}

// backlog counts the events that wait, and says when the first was emitted.
func (o outbox) backlog(ctx context.Context) (waiting int, oldest time.Time, err error) {
	rows, err := o.db.QueryContext(ctx, selectBacklog)
	if err != nil {
		return 0, oldest, fmt.Errorf("count mesh_outbox: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var at int64
	if rows.Next() {
		if err := rows.Scan(&waiting, &at); err != nil {
			return 0, oldest, fmt.Errorf("count mesh_outbox: %w", err)
		}
	}
	if waiting > 0 {
		oldest = time.UnixMilli(at)
	}
	return waiting, oldest, rows.Err()
}
