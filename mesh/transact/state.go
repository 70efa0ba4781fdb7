package transact

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh"
)

const (
	selectMark = "SELECT mark FROM mesh_mark WHERE node = $1"
	upsertMark = `INSERT INTO mesh_mark (node, mark, at) VALUES ($1, $2, $3)
		ON CONFLICT (node) DO UPDATE SET mark = excluded.mark, at = excluded.at`
)

// state is a database that has the table of MarkSchema.
type state struct{ db Database }

// NewState makes of a service's database the State of its node: see mesh.Config. So the node
// notices when the database was put back from an older copy without the node's data directory: it
// does not open then ([mesh.ErrOlderState]). A copy that was made less than a minute before the
// process was killed is not noticed. It needs the table of [MarkSchema] or [PostgresMarkSchema].
//
// A mark is on the disk before the data directory has it: of PostgreSQL by its COMMIT, which
// synchronous_commit=off would undo, and of SQLite by a checkpoint, which fails as long as somebody
// reads what is older. A db with a method Sync(context.Context) error has that called in its place.
func NewState(db Database) mesh.State { return state{db} }

// Mark reads the mark of a node.
func (s state) Mark(ctx context.Context, node string) (uint64, error) {
	mark, err := ask[int64](ctx, s.db, selectMark, node)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("transact: read mesh_mark: %w; is transact.MarkSchema among the migrations?", err)
	}
	return uint64(mark), nil
}

// SetMark writes the mark, and brings the database to the disk.
func (s state) SetMark(ctx context.Context, node string, mark uint64) error {
	if _, err := s.db.ExecContext(ctx, upsertMark, node, int64(mark), time.Now().UnixMilli()); err != nil {
		return fmt.Errorf("transact: write mesh_mark: %w", explain(err))
	}
	if err := s.sync(ctx); err != nil {
		return fmt.Errorf("transact: bring mesh_mark to the disk: %w", err)
	}
	return nil
}

// sync makes certain that what was committed is on the disk. PostgreSQL does that with each COMMIT,
// and SQLite in WAL mode, with synchronous=NORMAL, with a checkpoint.
func (s state) sync(ctx context.Context) (err error) {
	if own, ok := s.db.(interface{ Sync(context.Context) error }); ok {
		return own.Sync(ctx)
	}
	if _, err := ask[string](ctx, s.db, "SELECT version()"); err == nil {
		return nil // a database with a server
	}
	rows, err := s.db.QueryContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // it waits for nobody
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var busy, frames, done int
	if !rows.Next() {
		return rows.Err()
	}
	if err := rows.Scan(&busy, &frames, &done); err != nil {
		return err
	}
	if busy != 0 || done < frames {
		return fmt.Errorf("checkpoint: %d of %d frames: somebody reads the database", done, frames)
	}
	return nil
}
