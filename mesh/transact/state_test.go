package transact_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/transact"
)

// tables are those that a copy has.
var tables = []string{"awards", "mesh_inbox", "mesh_mark"}

// run executes statements for each of the tables, whose name stands in place of TABLE_.
func run(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		for _, table := range tables {
			if _, err := db.Exec(strings.ReplaceAll(s, "TABLE_", table)); err != nil {
				t.Fatalf("%s, %s: %v", s, table, err)
			}
		}
	}
}

// onEachWithMarks is onEach with the table of marks.
func onEachWithMarks(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	for name, c := range map[string]struct {
		open   func(t *testing.T) *sql.DB
		schema string
	}{
		"SQLite":     {func(t *testing.T) *sql.DB { return newDatabase(t) }, transact.MarkSchema},
		"PostgreSQL": {newPostgres, transact.PostgresMarkSchema},
	} {
		t.Run(name, func(t *testing.T) {
			db := c.open(t)
			if _, err := db.Exec(c.schema); err != nil {
				t.Fatal(err)
			}
			test(t, db)
		})
	}
}

// A database that is put back from an older copy, without the data directory, is refused with the
// remedies.
func TestADatabaseThatIsPutBackAloneIsNoticed(t *testing.T) {
	solved := mesh.NewEvent[award]("clue.clue.solved", mesh.Key(teamOf))
	onEachWithMarks(t, func(t *testing.T, db *sql.DB) {
		folder, count, inbox := t.TempDir(), make(chan int, 10), new(transact.Inbox)
		score := mesh.Config{Name: "score-1", Data: mesh.Path(folder), State: transact.NewState(db),
			Imports: []mesh.Import{{Event: solved.Subject(), Durable: true}},
			Handlers: []mesh.Handler{solved.Handle("count", func(ctx context.Context, a award) error {
				err := within(ctx, db, func(tx *sql.Tx) error {
					first, err := inbox.First(ctx, tx)
					if err != nil || !first {
						return err
					}
					_, err = tx.ExecContext(ctx, "INSERT INTO awards (team, n) VALUES ($1, $2)", a.Team, a.N)
					return err
				})
				if err == nil {
					count <- a.N
				}
				return err
			})}}
		clue := mesh.Config{Name: "clue-1", Data: mesh.Path(t.TempDir()), Exports: []mesh.Export{{Event: solved.Subject(), KeptFor: []string{"score"}}}}
		during := func(emit ...award) {
			t.Helper()
			nodes, err := inproc.Open(t.Context(), clue, score)
			if err != nil {
				t.Fatal(err)
			}
			if err := nodes.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, a := range emit {
				if err := solved.Emit(nodes.Node("clue-1").Context(t.Context()), a); err != nil {
					t.Fatal(err)
				}
			}
			for range emit {
				receive(t, count)
			}
			if err := nodes.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		during(award{"otters", 1})
		run(t, db, "CREATE TABLE copy_TABLE_ AS SELECT * FROM TABLE_")
		during(award{"otters", 2}, award{"otters", 3})
		run(t, db, "DELETE FROM TABLE_", "INSERT INTO TABLE_ SELECT * FROM copy_TABLE_") // as it was after the first

		nodes, err := inproc.Open(t.Context(), clue, score)
		if err == nil {
			err = nodes.Close(t.Context())
		}
		if !errors.Is(err, mesh.ErrOlderState) || !strings.Contains(err.Error(), "empty the file "+filepath.Join(folder, "state")+": exporters then give again") {
			t.Fatalf("error: %v", err)
		}
		if err := os.Truncate(filepath.Join(folder, "state"), 0); err != nil {
			t.Fatal(err)
		}
		during(award{"otters", 4})
		during(award{"otters", 5})
	})
}

// Without the table a node says what is missing.
func TestStateNamesTheMissingTable(t *testing.T) {
	onEach(t, func(t *testing.T, db *sql.DB) {
		if _, err := transact.NewState(db).Mark(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "transact.MarkSchema among the migrations") {
			t.Errorf("error: %v", err)
		}
	})
}

// A mark of SQLite that may not be on the disk is none.
func TestAMarkThatIsNotOnTheDiskIsNone(t *testing.T) {
	db := newDatabase(t)
	if _, err := db.Exec(transact.MarkSchema); err != nil {
		t.Fatal(err)
	}
	s := transact.NewState(db)
	if err := s.SetMark(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	old := openAs(t, fileOf(t, db), "?_pragma=busy_timeout(5000)")
	tx, err := old.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	var read int
	if err := tx.QueryRow("SELECT mark FROM mesh_mark").Scan(&read); err != nil || read != 1 {
		t.Fatalf("mark %d, %v", read, err)
	}
	if err := s.SetMark(t.Context(), "a", 2); err == nil || !strings.Contains(err.Error(), "somebody reads the database") {
		t.Errorf("while somebody reads: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMark(t.Context(), "a", 3); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if mark, err := s.Mark(t.Context(), "a"); mark != 3 || err != nil {
		t.Errorf("mark %d, %v", mark, err)
	}
	if mark, err := s.Mark(t.Context(), "b"); mark != 0 || err != nil {
		t.Errorf("another one: mark %d, %v", mark, err)
	}
}

// fileOf is the file of a SQLite database.
func fileOf(t *testing.T, db *sql.DB) (file string) {
	t.Helper()
	if err := db.QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		t.Fatal(err)
	}
	return file
}
