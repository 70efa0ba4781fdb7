package transact_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"leafmesh/mesh"
	"leafmesh/mesh/transact"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		awardUntilKilled(dir)
	}
	goleak.VerifyTestMain(withPostgres{m})
}

// award is the value of the events of the tests.
type award struct {
	Team string `cbor:"1,keyasint"`
	N    int    `cbor:"2,keyasint"`
}

func teamOf(a award) string { return a.Team }

var (
	awarded = mesh.NewEvent[award]("score.points.awarded", mesh.Key(teamOf))
	counted = mesh.NewEvent[award]("score.points.counted", mesh.Key(teamOf))
)

const stateSchema = "CREATE TABLE awards (place INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT NOT NULL, n INTEGER NOT NULL);"

// waitLimit is only spent by tests that fail.
const waitLimit = time.Minute

// openFile opens a database file as services do.
func openFile(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
}

// openDatabase opens a file that has all tables, and closes it at the test's end.
func openDatabase(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newDatabase(t testing.TB) *sql.DB {
	t.Helper()
	db := openDatabase(t, filepath.Join(t.TempDir(), "state.db"))
	if _, err := db.ExecContext(t.Context(), stateSchema+transact.OutboxSchema+transact.InboxSchema); err != nil {
		t.Fatal(err)
	}
	return db
}

func openNode(t testing.TB, name string, handlers ...mesh.Handler) *mesh.Node {
	t.Helper()
	n, err := mesh.Open(t.Context(), mesh.Config{Name: name, Handlers: handlers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNode(t, n) })
	return n
}

// closeNode closes a node when all is handled.
func closeNode(t testing.TB, n *mesh.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		t.Error(err)
	}
}

// start starts a Relay that looks only when it is woken, and stops it at the
// test's end.
func start(t testing.TB, n *mesh.Node, db transact.Database) *transact.Relay {
	t.Helper()
	return startAs(t, n, transact.Config{Database: db, Poll: time.Hour})
}

// startAs starts a Relay, and stops it at the test's end.
func startAs(t testing.TB, n *mesh.Node, c transact.Config) *transact.Relay {
	t.Helper()
	r := transact.NewRelay(c)
	if err := r.Start(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// within runs f in a transaction, which is committed if it returns nil.
func within(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it fails only after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// give writes an award and emits it.
func give(ctx context.Context, tx *sql.Tx, a award) error {
	if _, err := tx.ExecContext(ctx, "INSERT INTO awards (team, n) VALUES ($1, $2)", a.Team, a.N); err != nil {
		return err
	}
	return transact.Emit(ctx, tx, awarded, a)
}

// giveAll gives awards, each in a transaction of its own.
func giveAll(t testing.TB, n *mesh.Node, db *sql.DB, awards ...award) {
	t.Helper()
	ctx := n.Context(t.Context())
	for _, a := range awards {
		if err := within(ctx, db, func(tx *sql.Tx) error { return give(ctx, tx, a) }); err != nil {
			t.Fatalf("give %+v: %v", a, err)
		}
	}
}

// number reads the one number of a query.
func number(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// waitUntil waits for a condition that nothing announces.
func waitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	limit := time.Now().Add(waitLimit)
	for !holds() {
		if time.Now().After(limit) {
			t.Fatalf("after %v still not: %s", waitLimit, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// statsOf reads a Relay's, or fails.
func statsOf(t testing.TB, r *transact.Relay) transact.Stats {
	t.Helper()
	s, err := r.Stats(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// receive gives the next value of a channel, or fails.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(waitLimit):
		t.Fatalf("nothing came within %v", waitLimit)
		panic("unreachable")
	}
}
