package hunt

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
	"leafmesh/services/store"
)

// schema holds the migrations of hunt.db. What is open to a team is stored nowhere: it follows from
// its solves and the hunt file, so that organisers may change the rules of a running hunt.
//
// solves is a log: rows are only added, at its end, and read when the service starts. That a team
// solves a clue once is known from the board in memory, under the seat's lock. A key of team and
// clue was rejected: it would make sure of the same, and put each row on a page of its own.
var schema = []string{`
CREATE TABLE teams (
	team        TEXT    PRIMARY KEY,
	joined_at   INTEGER NOT NULL, -- unix ms, as all times
	finished_by TEXT,             -- the clue whose solve finished the hunt
	finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE solves (
	team  TEXT    NOT NULL,
	clue  TEXT    NOT NULL,
	at    INTEGER NOT NULL,
	event TEXT    NOT NULL, -- the id of the first event that told of it
	PRIMARY KEY (team, clue)
) STRICT, WITHOUT ROWID;
`, transact.OutboxSchema + transact.InboxSchema, `
ALTER TABLE solves RENAME TO solves_by_team;
CREATE TABLE solves (
	team  TEXT    NOT NULL,
	clue  TEXT    NOT NULL,
	at    INTEGER NOT NULL,
	event TEXT    NOT NULL -- the id of the first event that told of it
) STRICT;
INSERT INTO solves SELECT team, clue, at, event FROM solves_by_team ORDER BY at;
DROP TABLE solves_by_team;
`, transact.MarkSchema}

// records is the service's database.
type records struct {
	db    *store.DB
	inbox transact.Inbox                                     // of clue.clue.solved
	write func(context.Context, func(*store.Tx) error) error // that of db, but in tests
}

// openRecords opens, and if needed makes, the database of a hunt in a directory.
func openRecords(dir, hunt string) (*records, error) {
	db, err := store.OpenFor(filepath.Join(dir, "hunt.db"), fmt.Sprintf("hunt %q", hunt), schema)
	if err != nil {
		return nil, fmt.Errorf("open hunt database: %w", err)
	}
	return &records{db: db, write: db.Write}, nil
}

// change is what one event or request does to a team. Empty parts are left out.
type change struct {
	team   string
	at     int64
	join   bool
	clue   string // solved
	event  string // that told of the solve
	finish bool
}

// apply writes a change and puts the events that tell of it into the outbox, in one transaction.
// With a solve it does so once for the event that ctx's handler handles: applied is false if that
// was handled before. A team that is there already makes it fail. For that, and that the team has
// not solved the clue, the caller has looked.
func (r *records) apply(ctx context.Context, c change, events ...mesh.Staged) (applied bool, err error) {
	err = r.write(ctx, func(tx *store.Tx) error {
		if c.clue != "" {
			if first, err := r.inbox.First(ctx, tx); err != nil || !first {
				return err
			}
		}
		applied = true
		if err := c.write(tx); err != nil {
			return err
		}
		return transact.Put(ctx, tx, events...)
	})
	if err != nil {
		return false, fmt.Errorf("record progress of team %q: %w", c.team, err)
	}
	return applied, nil
}

func (c change) write(tx *store.Tx) error {
	if c.join {
		if _, err := tx.Exec("INSERT INTO teams (team, joined_at) VALUES (?, ?)", c.team, c.at); err != nil {
			return fmt.Errorf("add team: %w", err)
		}
	}
	if c.clue != "" {
		if _, err := tx.Exec("INSERT INTO solves (team, clue, at, event) VALUES (?, ?, ?, ?)", c.team, c.clue, c.at, c.event); err != nil {
			return fmt.Errorf("add solve: %w", err)
		}
	}
	if c.finish {
		if _, err := tx.Exec("UPDATE teams SET finished_by = ?, finished_at = ? WHERE team = ?", c.clue, c.at, c.team); err != nil {
			return fmt.Errorf("mark finish: %w", err)
		}
	}
	return nil
}

const (
	selectTeams  = "SELECT team, joined_at, finished_by, finished_at FROM teams"
	selectSolves = "SELECT team, clue, at FROM solves"
)

// load computes the board from the database.
func (r *records) load() (*board, error) {
	b := newBoard()
	if err := r.db.Each(context.Background(), selectTeams, b.scanTeam); err != nil {
		return nil, fmt.Errorf("load teams: %w", err)
	}
	if err := r.db.Each(context.Background(), selectSolves, b.scanSolve); err != nil {
		return nil, fmt.Errorf("load solves: %w", err)
	}
	return b, nil
}

// loadTeam is load for one team. It reads all solves, as they have no index.
func (r *records) loadTeam(ctx context.Context, name string) (team, error) {
	b := newBoard()
	if err := r.db.Each(ctx, selectTeams+" WHERE team = ?", b.scanTeam, name); err != nil {
		return team{}, fmt.Errorf("load team %q: %w", name, err)
	}
	if err := r.db.Each(ctx, selectSolves+" WHERE team = ?", b.scanSolve, name); err != nil {
		return team{}, fmt.Errorf("load solves of team %q: %w", name, err)
	}
	if s := b.seats[name]; s != nil {
		return s.team, nil
	}
	return team{}, nil
}

// makeSure brings a team in line with the database if a change of it failed: a COMMIT that is
// reported as failed may have taken effect. It reports whether it did so. The caller holds the
// seat.
func (s *Service) makeSure(ctx context.Context, name string, seat *seat) (anew bool, err error) {
	if !seat.unsure {
		return false, nil
	}
	t, err := s.records.loadTeam(ctx, name)
	if err != nil {
		return false, err
	}
	seat.team, seat.unsure = t, false
	return true, nil
}

// scanTeam and scanSolve fill a board that nobody else has yet.
func (b *board) scanTeam(rows *sql.Rows) error {
	var name string
	var finishedBy sql.NullString
	var finishedAt sql.NullInt64
	t := team{joined: true, solved: solveSet{}}
	if err := rows.Scan(&name, &t.joinedAt, &finishedBy, &finishedAt); err != nil {
		return err
	}
	t.finishedBy, t.finishedAt = finishedBy.String, finishedAt.Int64
	b.seats[name] = &seat{team: t}
	return nil
}

func (b *board) scanSolve(rows *sql.Rows) error {
	var name, clue string
	var at int64
	if err := rows.Scan(&name, &clue, &at); err != nil {
		return err
	}
	s := b.seats[name]
	if s == nil {
		return fmt.Errorf("team %q has a solve but never joined", name)
	}
	s.solved[clue] = at
	return nil
}
