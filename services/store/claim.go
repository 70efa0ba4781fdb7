package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// OwnerError is returned by OpenFor for a database that belongs to another owner.
type OwnerError struct {
	Path      string
	Has, Want string
}

// Error names both owners and the remedy.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("database file %q belongs to %s, not to %s: give each a data directory of its own", e.Path, e.Has, e.Want)
}

// OpenFor opens a database as Open does, on behalf of owner, `hunt "spring"` for example. The owner
// is written into a new database, in a table named owner. For a database of another owner OpenFor
// returns an *OwnerError: so a service that is pointed at the wrong directory does not mix two
// histories.
func OpenFor(path, owner string, schema []string) (*DB, error) {
	db, err := Open(path, schema)
	if err != nil {
		return nil, err
	}
	if err := db.claim(context.Background(), owner); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// claim writes down the owner if none is written yet, and compares it otherwise.
func (db *DB) claim(ctx context.Context, owner string) error {
	return db.Write(ctx, func(tx *Tx) error {
		if _, err := tx.Exec("CREATE TABLE IF NOT EXISTS owner (name TEXT NOT NULL) STRICT"); err != nil {
			return fmt.Errorf("claim database %q: %w", db.path, err)
		}
		var has string
		err := tx.QueryRow("SELECT name FROM owner").Scan(&has)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.Exec("INSERT INTO owner VALUES (?)", owner)
			has = owner
		}
		if err != nil {
			return fmt.Errorf("claim database %q: %w", db.path, err)
		}
		if has != owner {
			return &OwnerError{Path: db.path, Has: has, Want: owner}
		}
		return nil
	})
}
