package clue

import (
	"context"
	"fmt"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// schema holds the migrations of clue.db.
//
// attempts is a log: rows are only ever added, at its end where guesses are judged as they come.
// Out of a backlog they are judged in the order of each team alone, and land on many pages: in the
// replay of a real log 38,508 rows were written as 26,950 pages. A team's state is computed from it
// at start and then kept in memory. A table of states beside it would cost a second statement for
// each guess, about as much as the first; an index by team would cost half of one. wrong counts the
// team's wrong guesses at the clue, the row's included, so that the state follows from the row with
// the highest, whatever the order of the rows.
var schema = []string{`
CREATE TABLE attempts (
	id      INTEGER PRIMARY KEY,
	team    TEXT    NOT NULL,
	clue    TEXT    NOT NULL,
	guess   TEXT    NOT NULL,
	verdict INTEGER NOT NULL, -- as in events: 1 correct, 2 wrong, 3 locked out, 4 solved before, 5 not open
	wrong   INTEGER NOT NULL,
	at      INTEGER NOT NULL  -- unix ms, as all times
) STRICT;
CREATE TABLE open_clues (
	team TEXT    NOT NULL,
	clue TEXT    NOT NULL,
	at   INTEGER NOT NULL,
	PRIMARY KEY (team, clue)
) STRICT, WITHOUT ROWID;
CREATE TABLE hints (
	team      TEXT    NOT NULL,
	clue      TEXT    NOT NULL,
	hint      INTEGER NOT NULL, -- from 1
	cost      INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	announced INTEGER NOT NULL, -- 1 once its event was admitted
	PRIMARY KEY (team, clue, hint)
) STRICT, WITHOUT ROWID;
`, transact.OutboxSchema + `
-- A hint and its event are recorded together now. One that was not announced was not told to the team either: it takes it again.
DELETE FROM hints WHERE announced = 0;
ALTER TABLE hints DROP COLUMN announced;
`}

// records is the service's database.
type records struct{ db *store.DB }

// openRecords opens, and if needed makes, the database of a hunt in a directory.
func openRecords(dir, hunt string) (*records, error) {
	db, err := store.OpenFor(filepath.Join(dir, "clue.db"), fmt.Sprintf("hunt %q", hunt), schema)
	if err != nil {
		return nil, fmt.Errorf("open clue database: %w", err)
	}
	return &records{db: db}, nil
}

// attempt is a row of attempts.
type attempt struct {
	id                int64
	team, clue, guess string
	verdict           Verdict
	wrong             int
	at                int64
}

// add records an attempt, puts what it leads to into the outbox, and returns the verdict. If it was
// recorded before (its event came again), the row stays, its verdict is returned, nothing is put
// into the outbox and fresh is false.
func (r *records) add(ctx context.Context, a attempt, events ...mesh.Staged) (verdict Verdict, fresh bool, err error) {
	err = r.db.Write(ctx, func(tx *store.Tx) error {
		result, err := tx.Exec("INSERT INTO attempts (id, team, clue, guess, verdict, wrong, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			a.id, a.team, a.clue, a.guess, int64(a.verdict), a.wrong, a.at)
		if err != nil {
			return err
		}
		added, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if added > 0 {
			verdict, fresh = a.verdict, true
			return transact.Put(ctx, tx, events...)
		}
		return tx.QueryRow("SELECT verdict FROM attempts WHERE id = ?", a.id).Scan(&verdict)
	})
	if err != nil {
		return 0, false, fmt.Errorf("record attempt %s: %w", formatAttempt(a.id), err)
	}
	return verdict, fresh, nil
}

// open records clues as open to a team; those that are stay as they are.
func (r *records) open(ctx context.Context, team string, clues []string, at int64) error {
	err := r.db.Write(ctx, func(tx *store.Tx) error {
		for _, clue := range clues {
			if _, err := tx.Exec("INSERT INTO open_clues (team, clue, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", team, clue, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record open clues: %w", err)
	}
	return nil
}

// addHint records a hint as taken, and puts its event into the outbox.
func (r *records) addHint(ctx context.Context, h HintTaken, event mesh.Staged) error {
	err := r.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("INSERT INTO hints (team, clue, hint, cost, at) VALUES (?, ?, ?, ?, ?)", h.Team, h.Clue, h.Hint, h.Cost, h.At); err != nil {
			return err
		}
		return transact.Put(ctx, tx, event)
	})
	if err != nil {
		return fmt.Errorf("record hint: %w", err)
	}
	return nil
}
