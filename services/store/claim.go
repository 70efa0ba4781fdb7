package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// OwnerError is returned by Claim for a database that belongs to another owner.
type OwnerError struct {
	Path      string
	Has, Want string
}

// Error names both owners and the remedy.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("database file %q belongs to %s, not to %s: give each a data directory of its own", e.Path, e.Has, e.Want)
}

// Claim writes down whose data the database holds, `hunt "spring"` for example, if that is not written yet. If it is, and names
// another owner, Claim returns an *OwnerError: so a service that is pointed at the wrong directory does not mix
// two histories. The owner is kept in a table named owner.
func (db *DB) Claim(ctx context.Context, owner string) error {
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
