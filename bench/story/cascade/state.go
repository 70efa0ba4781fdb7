package cascade

import (
	"context"
	"fmt"
	"path/filepath"

	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// schema is the state of a service, as the hunt's services keep it: the attempts and open clues of
// clue, the solves of hunt, the awards and standings of score. One schema for all keeps the code
// small; a table that a service does not use stays empty. An event that comes again changes
// nothing.
var schema = []string{`
CREATE TABLE attempts (
	root INTEGER PRIMARY KEY, team TEXT NOT NULL, clue TEXT NOT NULL, guess TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE solves (
	root INTEGER PRIMARY KEY, team TEXT NOT NULL, clue TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE open_clues (
	root INTEGER NOT NULL, clue TEXT NOT NULL, team TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (root, clue)
) STRICT, WITHOUT ROWID;
CREATE TABLE awards (
	root INTEGER PRIMARY KEY, team TEXT NOT NULL, clue TEXT NOT NULL, points INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE teams (
	team TEXT NOT NULL PRIMARY KEY, points INTEGER NOT NULL, solves INTEGER NOT NULL, last_solve INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
` + transact.OutboxSchema}

// OpenState opens the database of a service in a folder.
func OpenState(folder, service string) (*store.DB, error) {
	db, err := store.Open(filepath.Join(folder, service+".db"), schema)
	if err != nil {
		return nil, fmt.Errorf("open the state of %s: %w", service, err)
	}
	return db, nil
}

// write runs statements in one transaction with what follows.
func write(ctx context.Context, db *store.DB, change, follow func(*store.Tx) error) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return follow(tx)
	})
}

func recordAttempt(ctx context.Context, db *store.DB, f Fact, follow func(*store.Tx) error) error {
	return write(ctx, db, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO attempts (root, team, clue, guess, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			f.Root, f.Team, f.Clue, f.Guess, f.At)
		return err
	}, follow)
}

func recordSolve(ctx context.Context, db *store.DB, f Fact, follow func(*store.Tx) error) error {
	return write(ctx, db, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO solves (root, team, clue, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", f.Root, f.Team, f.Clue, f.At)
		return err
	}, follow)
}

func recordOpen(ctx context.Context, db *store.DB, f Fact, follow func(*store.Tx) error) error {
	return write(ctx, db, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO open_clues (root, clue, team, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", f.Root, f.Clue, f.Team, f.At)
		return err
	}, follow)
}

func recordAward(ctx context.Context, db *store.DB, f Fact, follow func(*store.Tx) error) error {
	return write(ctx, db, func(tx *store.Tx) error {
		added, err := tx.Exec("INSERT INTO awards (root, team, clue, points, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			f.Root, f.Team, f.Clue, points, f.At)
		if err != nil {
			return err
		}
		if n, err := added.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(`INSERT INTO teams (team, points, solves, last_solve) VALUES (?, ?, 1, ?)
			ON CONFLICT DO UPDATE SET points = points + excluded.points, solves = solves + 1, last_solve = excluded.last_solve`,
			f.Team, points, f.At)
		return err
	}, follow)
}

// readStanding reads what the announcement tells. Nothing is written, so nothing follows in a
// transaction.
func readStanding(_ context.Context, db *store.DB, f Fact, _ func(*store.Tx) error) error {
	var total int
	if err := db.Read().QueryRow("SELECT points FROM teams WHERE team = ?", f.Team).Scan(&total); err != nil {
		return fmt.Errorf("read the standing of %s: %w", f.Team, err)
	}
	return nil
}
