package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// sqlNumber is where the database has the number of the last checkpoint that Open made.
const (
	sqlMakeNumber = "CREATE TABLE IF NOT EXISTS checkpoint (number INTEGER NOT NULL) STRICT"
	sqlNumber     = "SELECT coalesce(max(number), 0) FROM checkpoint"
	sqlFirst      = "INSERT INTO checkpoint SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM checkpoint)"
	sqlNext       = "UPDATE checkpoint SET number = number + 1"
)

// inspect compares a database with its mark. It reads on a connection that cannot merge the -wal
// file into the database and delete it: what is refused is left as it was found.
func inspect(path string, m mark) (err error) {
	var problem string
	if m.Open {
		if problem, err = checkWAL(path, m.Boot != "" && m.Boot == thisBoot()); err != nil {
			return fmt.Errorf("look at the -wal file: %w", err)
		}
	}
	if problem != "" {
		return &CorruptError{Path: path, Detail: problem, Lost: true}
	}
	pool, err := sql.Open("sqlite", dsn(path, "ro", "query_only(1)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := check(path, conn); err != nil {
		return err
	}
	number, err := numberOf(conn)
	if err != nil {
		return err
	}
	if number < m.Checkpoint {
		return &CorruptError{Path: path, Detail: fmt.Sprintf("it is older than it was: it has checkpoint %d, and had %d", number, m.Checkpoint), Lost: true}
	}
	return nil
}

// numberOf reads the number of the last checkpoint; 0 of a database that has none.
func numberOf(conn *sql.Conn) (number uint64, err error) {
	ctx := context.Background()
	var has bool
	if err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint')").Scan(&has); err != nil || !has {
		return 0, err
	}
	err = conn.QueryRowContext(ctx, sqlNumber).Scan(&number)
	return number, err
}

// prepare brings what a process that was killed has left into the file, and the file up to date.
func (w *writer) prepare(path string, schema []string) error {
	if err := w.settle(path); err != nil {
		return err
	}
	if err := migrate(path, w.conn, schema); err != nil {
		return err
	}
	for _, query := range []string{sqlMakeNumber, sqlFirst} {
		if _, err := w.conn.ExecContext(context.Background(), query); err != nil {
			return fmt.Errorf("make the number of checkpoints: %w", err)
		}
	}
	return w.settle(path)
}

// markOpen marks the database as open. The new number is written first: it makes the -wal file and
// its header, before the mark says that they are there.
func (w *writer) markOpen(path string) error {
	if _, err := w.conn.ExecContext(context.Background(), sqlNext); err != nil {
		return fmt.Errorf("number the checkpoint: %w", err)
	}
	if err := w.checkpoint(); err != nil {
		return err
	}
	number, err := numberOf(w.conn)
	if err != nil {
		return fmt.Errorf("read the number of the checkpoint: %w", err)
	}
	return mark{Open: true, Checkpoint: number, Boot: thisBoot()}.write(path)
}

// settle brings all that was written into the database file, and marks the database as closed. From
// then on its -wal file may go.
func (w *writer) settle(path string) error {
	if err := w.checkpoint(); err != nil {
		return err
	}
	number, err := numberOf(w.conn)
	if err != nil || number == 0 { // not made yet
		return err
	}
	return mark{Checkpoint: number}.write(path)
}

// checkpoint brings what is in the -wal file into the database file and syncs it. The file stays,
// with its header: a kill right after it must not look like a loss.
func (w *writer) checkpoint() error {
	var busy, frames, done int
	if err := w.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &frames, &done); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if busy != 0 || done != frames {
		return fmt.Errorf("checkpoint: %d of %d frames: another program reads the database", done, frames)
	}
	return nil
}
