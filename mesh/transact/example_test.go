package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/transact"
)

// Solve is a clue that a team solved.
type Solve struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
}

// Points is what a team got for it.
type Points struct {
	Team   string `cbor:"1,keyasint"`
	Points int    `cbor:"2,keyasint"`
}

var (
	ClueSolved    = mesh.NewEvent[Solve]("clue.clue.solved", mesh.Key(func(s Solve) string { return s.Team }))
	PointsChanged = mesh.NewEvent[Points]("score.points.changed", mesh.Key(func(p Points) string { return p.Team }))
)

// A ledger counts solves. The points, the event that tells of them, and the memory of
// the solve are in one transaction.
type ledger struct {
	db    *sql.DB
	inbox transact.Inbox
	relay *transact.Relay
}

func (l *ledger) count(ctx context.Context, s Solve) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it fails only after Commit

	first, err := l.inbox.First(ctx, tx)
	if err != nil || !first {
		return err
	}
	var points int
	err = tx.QueryRowContext(ctx, `INSERT INTO points (team, points) VALUES (?, 5)
		ON CONFLICT DO UPDATE SET points = points + 5 RETURNING points`, s.Team).Scan(&points)
	if err != nil {
		return err
	}
	if err := transact.Emit(ctx, tx, PointsChanged, Points{Team: s.Team, Points: points}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	l.relay.Wake()
	return nil
}

// migrate makes the tables in a database that has none. The version tells at the next start that
// they are there; another version of the tables would be another step.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it fails only after Commit

	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version > 0 {
		return err
	}
	points := "CREATE TABLE points (team TEXT PRIMARY KEY, points INTEGER NOT NULL);"
	if _, err := tx.ExecContext(ctx, points+transact.OutboxSchema+transact.InboxSchema+"PRAGMA user_version = 1;"); err != nil {
		return err
	}
	return tx.Commit()
}

func Example() {
	dir, err := os.MkdirTemp("", "score")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "score.db")+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := migrate(ctx, db); err != nil {
		log.Fatal(err)
	}

	l := &ledger{db: db, relay: transact.NewRelay(transact.Config{Database: db})}
	told := make(chan Points)
	nodes, err := inproc.Open(ctx,
		mesh.Config{Name: "clue-1", Exports: []mesh.Export{ClueSolved.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{ClueSolved.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			ClueSolved.Handle("count", func(ctx context.Context, s Solve) error { return l.count(ctx, s) }),
			PointsChanged.Handle("tell", func(_ context.Context, p Points) error { told <- p; return nil }),
		}})
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(nodes.Ready(ctx), l.relay.Start(ctx, nodes.Node("score-1"))); err != nil {
		log.Fatal(err)
	}

	for _, clue := range []string{"try-and-eat", "the-otter"} {
		if err := ClueSolved.Emit(nodes.Node("clue-1").Context(ctx), Solve{Team: "otters", Clue: clue}); err != nil {
			log.Fatal(err)
		}
		p := <-told
		fmt.Println(p.Team, p.Points)
	}

	l.relay.Stop()
	if err := errors.Join(nodes.Close(ctx), db.Close()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// otters 5
	// otters 10
}
