package clue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// schema holds the migrations of clue.db.
//
// attempts is a log: rows are only ever added, and always at its end. A team's state is computed
// from it at start and then kept in memory. A table of states beside it would cost a second
// statement for each guess, about as much as the first; an index by team would cost half of one.
// wrong counts the team's wrong guesses at the clue, the row's included, so that the state follows
// from the row with the highest, whatever the order of the rows.
//
// The key is the order in which guesses were judged, and not the attempt's id: out of a backlog
// they are judged in the order of each team alone, so by id rows landed on many pages: see
// docs/performance.md. There is no index by id either, which would be as scattered. A row is found
// by its id all the same: see records.add.
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
`, `
ALTER TABLE attempts RENAME TO attempts_by_id;
CREATE TABLE attempts (
	judged  INTEGER PRIMARY KEY, -- the order of the rows; never below id
	id      INTEGER NOT NULL,
	team    TEXT    NOT NULL,
	clue    TEXT    NOT NULL,
	guess   TEXT    NOT NULL,
	verdict INTEGER NOT NULL, -- as in events: 1 correct, 2 wrong, 3 locked out, 4 solved before, 5 not open
	wrong   INTEGER NOT NULL,
	at      INTEGER NOT NULL  -- unix ms, as all times
) STRICT;
INSERT INTO attempts SELECT id, id, team, clue, guess, verdict, wrong, at FROM attempts_by_id;
DROP TABLE attempts_by_id;
`, transact.MarkSchema}

// records is the service's database.
type records struct {
	db  *store.DB
	ids *attemptIDs
}

// openRecords opens, and if needed makes, the database of a hunt in a directory.
func openRecords(dir, hunt string, ids *attemptIDs) (*records, error) {
	db, err := store.OpenFor(filepath.Join(dir, "clue.db"), fmt.Sprintf("hunt %q", hunt), schema)
	if err != nil {
		return nil, fmt.Errorf("open clue database: %w", err)
	}
	return &records{db: db, ids: ids}, nil
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
// into the outbox and fresh is false. With isNew the caller knows that it was not. The caller holds
// the lock of the team's seat, so that no other call records an attempt of the team meanwhile.
func (r *records) add(ctx context.Context, a attempt, isNew bool, events ...mesh.Staged) (verdict Verdict, fresh bool, err error) {
	if !isNew {
		verdict, err := r.verdictOn(ctx, a.id)
		if !errors.Is(err, sql.ErrNoRows) {
			return verdict, false, err
		}
	}
	err = r.db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec("INSERT INTO attempts (judged, id, team, clue, guess, verdict, wrong, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			r.ids.after(a.id), a.id, a.team, a.clue, a.guess, int64(a.verdict), a.wrong, a.at); err != nil {
			return err
		}
		return transact.Put(ctx, tx, events...)
	})
	if err != nil {
		return 0, false, fmt.Errorf("record attempt %q: %w", formatAttempt(a.id), err)
	}
	return a.verdict, true, nil
}

// verdictOn finds the verdict that was recorded on an attempt; sql.ErrNoRows: none was.
//
// It reads all rows since the attempt got its id, as it was judged after that: 0.7 s for a million.
// An index would make it fast, and was rejected: it would be as scattered as rows by id, for the
// sake of guesses that come again. So it reads on the read-only pool, where it holds nobody up but
// the team, and others who read.
func (r *records) verdictOn(ctx context.Context, id int64) (verdict Verdict, err error) {
	err = r.db.Read().QueryRowContext(ctx, "SELECT verdict FROM attempts WHERE judged >= ? AND id = ?", id, id).Scan(&verdict)
	if err != nil {
		return 0, fmt.Errorf("look up attempt %q: %w", formatAttempt(id), err)
	}
	return verdict, nil
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
