package transact_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh/transact"
)

// openAs opens a SQLite file with these parameters.
func openAs(t testing.TB, path, parameters string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+parameters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Opened as the package says, a database fails no transaction of a service beside
// the Relay, however many write at a time.
func TestNoTransactionFailsBesideTheRelay(t *testing.T) {
	const writers, transactions = 4, 100
	book, db := &logbook{}, newDatabase(t)
	n := openNode(t, "score-1", book.handler())
	r := start(t, n, db)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			ctx := n.Context(t.Context())
			for i := range transactions {
				err := within(ctx, db, func(tx *sql.Tx) error {
					var awards int // it reads first, as services do
					if err := tx.QueryRow("SELECT COUNT(*) FROM awards").Scan(&awards); err != nil {
						return err
					}
					return give(ctx, tx, award{fmt.Sprint("team ", w), i})
				})
				if err != nil {
					t.Errorf("transaction %d of writer %d: %v", i, w, err)
					return
				}
				r.Wake()
			}
		})
	}
	all.Wait()
	waitUntil(t, "relayed", func() bool { s := statsOf(t, r); return s.Waiting == 0 && s.Relayed == writers*transactions })
}

// A database whose connections do not wait is refused at the start: beside the Relay the
// service's transactions would fail now and then.
func TestStartRefusesConnectionsThatDoNotWait(t *testing.T) {
	n, path := openNode(t, "score-1"), filepath.Join(t.TempDir(), "state.db")
	if _, err := openAs(t, path, "").Exec(transact.OutboxSchema); err != nil {
		t.Fatal(err)
	}
	told := openAs(t, path, "")
	if _, err := told.Exec("PRAGMA busy_timeout = 5000"); err != nil { // that is one connection of the pool
		t.Fatal(err)
	}
	alone := openAs(t, path, "")
	alone.SetMaxOpenConns(1)
	if _, err := alone.Exec("PRAGMA busy_timeout = 5000"); err != nil {
		t.Fatal(err)
	}
	pair := openAs(t, path, "?_pragma=busy_timeout(5000)")
	pair.SetMaxOpenConns(2)
	for name, test := range map[string]struct {
		db      *sql.DB
		refused bool
	}{
		"opened plainly":         {openAs(t, path, ""), true},
		"no wait, WAL":           {openAs(t, path, "?_pragma=journal_mode(WAL)&_txlock=immediate"), true},
		"one connection waits":   {told, true},
		"the only one waits":     {alone, false},
		"all wait":               {openAs(t, path, "?_pragma=busy_timeout(5000)&_txlock=immediate"), false},
		"all wait, and few are":  {pair, false},
		"opened as it should be": {openDatabase(t, path), false},
	} {
		r := transact.NewRelay(transact.Config{Database: test.db})
		err := r.Start(t.Context(), n)
		r.Stop()
		if refused := err != nil; refused != test.refused {
			t.Errorf("%s: %v", name, err)
		}
		if test.refused && err != nil && (!strings.Contains(err.Error(), "_pragma=busy_timeout(5000)") || !strings.Contains(err.Error(), "_busy_timeout=5000")) {
			t.Errorf("%s: %v, want the remedy for both drivers", name, err)
		}
	}
}

// Without WAL the Relay works, and says what would be better.
func TestStartAdvisesWAL(t *testing.T) {
	for parameters, want := range map[string]int{"": 1, "&_pragma=journal_mode(WAL)": 0} {
		n, written := openNode(t, "score-1"), &lines{}
		db := openAs(t, filepath.Join(t.TempDir(), "state.db"), "?_pragma=busy_timeout(5000)"+parameters)
		if _, err := db.Exec(transact.OutboxSchema); err != nil {
			t.Fatal(err)
		}
		startAs(t, n, transact.Config{Database: db, Logger: slog.New(slog.NewTextHandler(written, nil))}).Stop()
		if got := strings.Count(strings.Join(written.all(), "\n"), "journal_mode(WAL)"); got != want {
			t.Errorf("with %q: %d lines advise it, want %d: %q", parameters, got, want, written.all())
		}
	}
}

// A transaction that reads before it writes fails at once, however long it would wait, if
// somebody wrote in between: what it read is old. _txlock=immediate makes it wait before
// it reads.
func TestATransactionThatReadsFirstNeedsTheLockFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	other := openDatabase(t, path)
	if _, err := other.Exec(stateSchema + transact.OutboxSchema + transact.InboxSchema); err != nil {
		t.Fatal(err)
	}
	deferred := openAs(t, path, "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	readThenWrite := func(ctx context.Context, write func(*sql.Tx) error) error {
		return within(ctx, deferred, func(tx *sql.Tx) error {
			var awards int
			if err := tx.QueryRow("SELECT COUNT(*) FROM awards").Scan(&awards); err != nil {
				return err
			}
			if _, err := other.Exec("INSERT INTO awards (team, n) VALUES ('hares', 1)"); err != nil {
				return err
			}
			return write(tx)
		})
	}
	failures := make(chan error, 2)
	n := openNode(t, "score-1", awarded.Handle("count", func(ctx context.Context, a award) error {
		failures <- readThenWrite(ctx, func(tx *sql.Tx) error {
			_, err := new(transact.Inbox).First(ctx, tx)
			return err
		})
		return nil
	}))
	ctx := n.Context(t.Context())
	failures <- readThenWrite(ctx, func(tx *sql.Tx) error { return transact.Emit(ctx, tx, counted, award{"otters", 1}) })
	if err := awarded.Emit(ctx, award{"otters", 1}); err != nil {
		t.Fatal(err)
	}
	for range cap(failures) {
		if err := receive(t, failures); err == nil || !strings.Contains(err.Error(), "SQLITE_BUSY_SNAPSHOT") && !strings.Contains(err.Error(), "(517)") ||
			!strings.Contains(err.Error(), "_txlock=immediate") {
			t.Errorf("%v, want SQLITE_BUSY_SNAPSHOT and the remedy", err)
		}
	}
}

// A copy of the example starts again with the database that it left.
func TestTheTablesOfTheExampleOutliveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "score.db")
	for start := range 3 {
		db := openDatabase(t, path)
		if err := migrate(t.Context(), db); err != nil {
			t.Fatalf("start %d: %v", start, err)
		}
		var points int
		err := db.QueryRow("INSERT INTO points (team, points) VALUES ('otters', 1) ON CONFLICT DO UPDATE SET points = points + 1 RETURNING points").Scan(&points)
		if err != nil || points != start+1 {
			t.Errorf("start %d: %d points, %v", start, points, err)
		}
	}
}
