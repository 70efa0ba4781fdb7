package score

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// schema holds the migrations of score.db. teams is the sum of awards by team and could be computed
// from it; it is kept because the leaderboard is read much more often than it changes. Rowid tables
// were rejected for awards: the primary key would be a second tree.
var schema = []string{`
CREATE TABLE awards (
	team   TEXT    NOT NULL,
	clue   TEXT    NOT NULL,
	hint   INTEGER NOT NULL, -- 0: the solve; from 1: that hint
	points INTEGER NOT NULL,
	at     INTEGER NOT NULL, -- unix ms, as all times
	event  TEXT    NOT NULL, -- id of the event that counted
	PRIMARY KEY (team, clue, hint)
) STRICT, WITHOUT ROWID;
CREATE TABLE teams (
	team       TEXT    NOT NULL PRIMARY KEY,
	points     INTEGER NOT NULL,
	solves     INTEGER NOT NULL,
	last_solve INTEGER NOT NULL, -- 0: none
	finished   INTEGER NOT NULL  -- 0 or 1
) STRICT, WITHOUT ROWID;
`, transact.InboxSchema, transact.MarkSchema}

const (
	selectTeam = "SELECT team, points, solves, last_solve, finished FROM teams WHERE team = ?"
	// addToTeam adds to a team's standing. A team that has none yet begins with nothing. The order
	// of awards makes no difference.
	addToTeam = `INSERT INTO teams (team, points, solves, last_solve, finished) VALUES (?, ?, ?, ?, 0) ON CONFLICT DO UPDATE
		SET points = points + excluded.points, solves = solves + excluded.solves, last_solve = max(last_solve, excluded.last_solve)`
	finishTeam = `INSERT INTO teams (team, points, solves, last_solve, finished) VALUES (?, 0, 0, 0, 1)
		ON CONFLICT DO UPDATE SET finished = 1`
)

// ledger is the service's database.
type ledger struct {
	db    *store.DB
	inbox transact.Inbox
	// one reads a team's standing for each announcement. Preparing it anew took most of that read's
	// time.
	one *sql.Stmt
}

// openLedger opens, and if needed makes, the database of a hunt in a directory.
func openLedger(dir, hunt string) (*ledger, error) {
	db, err := store.OpenFor(filepath.Join(dir, "score.db"), fmt.Sprintf("hunt %q", hunt), schema)
	if err != nil {
		return nil, fmt.Errorf("open score database: %w", err)
	}
	l, err := newLedger(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

// newLedger is the ledger in an open database, which close closes.
func newLedger(db *store.DB) (*ledger, error) {
	one, err := db.Read().Prepare(selectTeam)
	if err != nil {
		return nil, fmt.Errorf("prepare to read standings: %w", err)
	}
	return &ledger{db: db, one: one}, nil
}

// close closes the database.
func (l *ledger) close() error { return errors.Join(l.one.Close(), l.db.Close()) }

// once runs f in the transaction that remembers the event of ctx's handler, unless it was handled
// before: then f does not run, and the event is done with. If f fails nothing is remembered, so
// that a further try runs it again.
func (l *ledger) once(ctx context.Context, f func(*store.Tx) error) error {
	return l.db.Write(ctx, func(tx *store.Tx) error {
		if first, err := l.inbox.First(ctx, tx); err != nil || !first {
			return err
		}
		return f(tx)
	})
}

// add counts an award, unless one for the same team, clue and hint was counted before, by another
// event. If it counts, counted is called within the transaction, and when that fails, its error is
// returned and undoes all.
func add(tx *store.Tx, a award, counted func() error) error {
	result, err := tx.Exec("INSERT INTO awards (team, clue, hint, points, at, event) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		a.Team, a.Clue, a.Hint, a.Points, a.At, a.Event)
	if err != nil {
		return fmt.Errorf("add award: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	solves, lastSolve := 0, int64(0)
	if a.Hint == 0 {
		solves, lastSolve = 1, a.At
	}
	if _, err := tx.Exec(addToTeam, a.Team, a.Points, solves, lastSolve); err != nil {
		return fmt.Errorf("add to standing: %w", err)
	}
	return counted()
}

// finish marks a team as finished.
func finish(tx *store.Tx, team string) error {
	if _, err := tx.Exec(finishTeam, team); err != nil {
		return fmt.Errorf("mark finish: %w", err)
	}
	return nil
}

// standing returns a team's standing; the error is sql.ErrNoRows, wrapped, when it has none. It
// takes no context: to watch for its end costs two goroutines, more than the read.
func (l *ledger) standing(team string) (Standing, error) {
	s, err := scanStanding(l.one.QueryRow(team))
	if err != nil {
		return s, fmt.Errorf("read standing of team %q: %w", team, err)
	}
	return s, nil
}

// places returns the whole leaderboard. It is sorted here and not by SQL, so that the order has one
// definition.
func (l *ledger) places(ctx context.Context) ([]place, error) {
	var standings []Standing
	err := l.db.Each(ctx, "SELECT team, points, solves, last_solve, finished FROM teams", func(rows *sql.Rows) error {
		s, err := scanStanding(rows)
		standings = append(standings, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read leaderboard: %w", err)
	}
	return rank(standings), nil
}

// awards returns what counted for a team, in the order of time.
func (l *ledger) awards(ctx context.Context, team string) ([]award, error) {
	var awards []award
	err := l.db.Each(ctx, "SELECT clue, hint, points, at, event FROM awards WHERE team = ? ORDER BY at, clue, hint", func(rows *sql.Rows) error {
		a := award{Team: team}
		err := rows.Scan(&a.Clue, &a.Hint, &a.Points, &a.At, &a.Event)
		awards = append(awards, a)
		return err
	}, team)
	if err != nil {
		return nil, fmt.Errorf("read awards: %w", err)
	}
	return awards, nil
}

// scanStanding reads a row of teams.
func scanStanding(row interface{ Scan(...any) error }) (s Standing, err error) {
	err = row.Scan(&s.Team, &s.Points, &s.Solves, &s.LastSolve, &s.Finished)
	return s, err
}
