package transact

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
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

// The statements are those of SQLite and of PostgreSQL: $1 is a parameter in both. In
// each the numbers are in the order in which they come, as drivers of SQLite that only
// count parameters want it.
const (
	selectRows    = "SELECT seq, id, message FROM mesh_outbox"
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

// first reads the events that were written first, but for the rows to skip.
func (o outbox) first(ctx context.Context, skip []int64) (batch, error) {
	query := selectRows
	if len(skip) > 0 {
		query += " WHERE seq NOT IN " + list(len(skip))
	}
	b, err := o.read(ctx, batchBytes, fmt.Sprintf("%s ORDER BY seq LIMIT %d", query, batchEvents), padded(skip)...)
	b.full = b.full || len(b.events) == batchEvents
	return b, err
}

// these reads those of the rows that are there; at least one is asked for.
func (o outbox) these(ctx context.Context, rows []int64) (batch, error) {
	return o.read(ctx, math.MaxInt, selectRows+" WHERE seq IN "+list(len(rows))+" ORDER BY seq", padded(rows)...)
}

// count counts those of the rows that are there; at least one is asked for.
func (o outbox) count(ctx context.Context, rows []int64) (int, error) {
	n, err := ask[int](ctx, o.db, "SELECT COUNT(*) FROM mesh_outbox WHERE seq IN "+list(len(rows)), padded(rows)...)
	if err != nil {
		return 0, fmt.Errorf("count mesh_outbox: %w", err)
	}
	return n, nil
}

// read reads rows, until they have so many bytes.
func (o outbox) read(ctx context.Context, most int, query string, args ...any) (b batch, err error) {
	rows, err := o.db.QueryContext(ctx, query, args...)
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
		if bytes += len(message); bytes >= most {
			b.full = true
			return b, nil
		}
	}
	if err := rows.Err(); err != nil {
		return batch{}, fmt.Errorf("read mesh_outbox: %w", err)
	}
	return b, nil
}

// remove deletes exactly these rows, at least one, and counts those that were there. A range of
// numbers was rejected: where transactions are committed side by side it may hold a row that was
// not yet to be seen when the others were read.
func (o outbox) remove(ctx context.Context, rows []int64) (deleted int, err error) {
	result, err := o.db.ExecContext(ctx, "DELETE FROM mesh_outbox WHERE seq IN "+list(len(rows)), padded(rows)...)
	if err != nil {
		return 0, fmt.Errorf("delete what was relayed from mesh_outbox: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("count what was deleted from mesh_outbox: %w", err)
	}
	return int(n), nil
}

// listed is how many rows a list for n rows names: the next power of two, so that
// there are few statements and each is prepared once.
func listed(n int) int {
	if n == 0 {
		return 0
	}
	size := 1
	for size < n {
		size *= 2
	}
	return size
}

// list is the list of rows in a statement, with room for n.
func list(n int) string {
	var b strings.Builder
	for i := range listed(n) {
		b.WriteString(", $" + strconv.Itoa(i+1))
	}
	return "(" + strings.TrimPrefix(b.String(), ", ") + ")"
}

// padded returns the rows as arguments of their list, the last one repeated.
func padded(rows []int64) []any {
	args := make([]any, listed(len(rows)))
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

// ask returns the one value of a query.
func ask[T any](ctx context.Context, db Database, query string, args ...any) (value T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return value, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return value, errors.Join(rows.Err(), sql.ErrNoRows)
	}
	err = rows.Scan(&value)
	return value, err
}
