package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// careful lets so many Writes to come have savepoints.
func careful(t testing.TB, db *DB, writes int) {
	t.Helper()
	err := db.Write(context.Background(), func(tx *Tx) error { tx.w.careful = writes; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// Writes that share a transaction leave what those among them that succeeded would leave alone, one
// after the other, whichever means takes back what the others did.
func TestAnyMixOfWritesLeavesWhatTheGoodOnesWrote(t *testing.T) {
	db, _ := openTest(t)
	refused := errors.New("refused")
	rapid.Check(t, func(r *rapid.T) {
		if _, err := db.ExecContext(context.Background(), "DELETE FROM notes"); err != nil {
			r.Fatal(err)
		}
		careful(t, db, rapid.SampledFrom([]int{0, 3, 100}).Draw(r, "careful"))
		want := map[string]int{}
		var writes []func(*Tx) error
		var failing []bool
		for range rapid.IntRange(1, 12).Draw(r, "writes") {
			after := maps.Clone(want)
			var steps []func(*Tx) error
			for range rapid.IntRange(0, 3).Draw(r, "statements") {
				steps = append(steps, drawStatement(r, after))
			}
			fail := rapid.IntRange(0, 3).Draw(r, "fail") == 0
			if fail {
				steps = append(steps, fails(refused))
			} else {
				want = after
			}
			writes, failing = append(writes, then(steps...)), append(failing, fail)
		}
		for i, err := range together(t, db, writes...) {
			if failing[i] != (err != nil) {
				r.Errorf("write %d: %v", i, err)
			}
		}
		if got := contents(t, db); !maps.Equal(got, want) {
			r.Errorf("notes are %v, want %v", got, want)
		}
	})
}

// drawStatement draws a statement, and does to a model what it does to the notes.
func drawStatement(r *rapid.T, model map[string]int) func(*Tx) error {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "name")
	_, known := model[name]
	exec := func(query string) func(*Tx) error {
		return func(tx *Tx) error { _, err := tx.Exec(query, name); return err }
	}
	switch rapid.IntRange(0, 3).Draw(r, "kind") {
	case 0:
		model[name]++
		return exec("INSERT INTO notes VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1")
	case 1:
		delete(model, name)
		return exec("DELETE FROM notes WHERE name = ?")
	case 2: // fails if the note is there, and the function goes on
		if !known {
			model[name] = 1
		}
		return func(tx *Tx) error { _ = insert(name)(tx); return nil }
	default:
		if known {
			model[name]++
		}
		return func(tx *Tx) error {
			var n int
			err := tx.QueryRow("UPDATE notes SET n = n + 1 WHERE name = ? RETURNING n", name).Scan(&n)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}
	}
}

// A statement is done again with what it was executed with, whatever its caller did with the slice.
func TestArgumentsOfASliceThatIsUsedAgain(t *testing.T) {
	db, _ := openTest(t)
	reuses := func(tx *Tx) error {
		args := make([]any, 2)
		for i, name := range []string{"a", "b", "c"} {
			args[0], args[1] = name, i
			if _, err := tx.Exec("INSERT INTO notes VALUES (?, ?)", args...); err != nil {
				return err
			}
		}
		return nil
	}
	refused := errors.New("refused")
	errs := together(t, db, reuses, then(insert("d"), fails(refused)))
	if got, want := contents(t, db), map[string]int{"a": 0, "b": 1, "c": 2}; errs[0] != nil || errs[1] != refused || !maps.Equal(got, want) {
		t.Errorf("errors %v, notes %v; want %v", errs, got, want)
	}
}

// A script could do a part of what it says, and nobody would know which. It is refused, and the
// function's other statements count.
func TestScriptsAreRefused(t *testing.T) {
	for _, script := range []string{
		"INSERT INTO notes VALUES ('b', 1); INSERT INTO notes VALUES ('a', 1)",
		"SELECT 1; INSERT INTO notes VALUES ('b', 1)",
		"INSERT INTO notes VALUES ('b', 1);\nSELECT 1;\n",
	} {
		db, _ := openTest(t)
		err := db.Write(t.Context(), func(tx *Tx) error {
			_, executed := tx.Exec(script)
			queried := tx.QueryRow(script).Scan(new(int))
			for _, err := range []error{executed, queried} {
				if err == nil || !strings.Contains(err.Error(), `has a ";" before its end`) {
					t.Errorf("%q: error %v", script, err)
				}
			}
			_, err := tx.Exec("INSERT INTO notes VALUES ('c', 1);\n")
			return err
		})
		if got := notes(t, db); err != nil || got != "c" {
			t.Errorf("%q: error %v, notes %q; want c", script, err, got)
		}
	}
}

// A row that a function leaves open, and then fails or panics, holds nobody up.
func TestRowsThatAreLeftOpen(t *testing.T) {
	for name, leave := range map[string]func(*Tx) error{
		"and fails": func(tx *Tx) error {
			tx.QueryRow("INSERT INTO notes VALUES ('e', 1) RETURNING n")
			return errors.New("refused")
		},
		"and goes on":  insert("c"),
		"and succeeds": func(*Tx) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := openTest(t)
			var row *Row
			leaves := func(tx *Tx) error {
				row = tx.QueryRow("INSERT INTO notes VALUES ('b', 1) RETURNING n")
				return leave(tx)
			}
			failed := name == "and fails"
			errs := together(t, db, insert("a"), leaves, insert("d"))
			if errs[0] != nil || (errs[1] != nil) != failed || errs[2] != nil {
				t.Errorf("errors %v", errs)
			}
			if err := row.Scan(new(int)); err == nil || !strings.Contains(err.Error(), "not scanned before") {
				t.Errorf("the row is scanned too late: %v", err)
			}
			want := map[string]string{"and fails": "a d", "and goes on": "a b c d", "and succeeds": "a b d"}[name]
			if got := notes(t, db); got != want {
				t.Errorf("notes are %q, want %q", got, want)
			}
		})
	}
}

// contents are all notes.
func contents(t *testing.T, db *DB) map[string]int {
	t.Helper()
	found := map[string]int{}
	rows, err := db.Read().Query("SELECT name, n FROM notes")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		found[name] = n
	}
	return found
}

// A Write with more statements than are remembered is not lost by the next one that fails.
func TestManyStatementsAndAFailure(t *testing.T) {
	db, _ := openTest(t)
	refused := errors.New("refused")
	many := func(tx *Tx) error { return inserts(tx, redoLimit+10) }
	errs := together(t, db, insert("a"), many, then(insert("b"), fails(refused)), insert("c"))
	if want := []error{nil, nil, refused, nil}; !slices.Equal(errs, want) {
		t.Errorf("errors %v, want %v", errs, want)
	}
	if got := contents(t, db); len(got) != redoLimit+12 || got["a"] != 1 || got["b"] != 0 || got["c"] != 1 {
		t.Errorf("%d notes, want %d without b", len(got), redoLimit+12)
	}
}

// What a Write with too many statements did is forgotten with it when it fails: those before can be
// done again.
func TestFailureWithManyStatementsIsForgotten(t *testing.T) {
	db, _ := openTest(t)
	careful(t, db, carefulWrites)
	many := then(func(tx *Tx) error { return inserts(tx, redoLimit+10) }, fails(errors.New("refused")))
	errs := together(t, db, insert("a"), many, fillsTheDisk, insert("c"))
	if errs[0] != nil || errs[1] == nil || errs[2] == nil || errs[3] != nil {
		t.Errorf("errors %.200q", errs)
	}
	if got := notes(t, db); got != "a c" {
		t.Errorf("notes are %q, want a and c", got)
	}
}

// fillsTheDisk writes until SQLite finds the disk full and gives up the transaction.
func fillsTheDisk(tx *Tx) error {
	var limit int
	if err := tx.QueryRow("PRAGMA max_page_count = 300").Scan(&limit); err != nil {
		return err
	}
	for i := range 300 {
		if err := insert(strings.Repeat("x", 4096) + fmt.Sprint(i))(tx); err != nil {
			return err
		}
	}
	return nil
}

// A savepoint is gone with its transaction when the disk is full. What the others wrote is done
// again, if all of it is remembered.
func TestFullDiskAmongWritesWithSavepoints(t *testing.T) {
	refused := errors.New("refused")
	for _, test := range []struct {
		name   string
		before int // statements before the disk is full
		want   int // notes
	}{{"few statements", 10, 12}, {"more than are remembered", redoLimit + 10, 1}} {
		t.Run(test.name, func(t *testing.T) {
			db, _ := openTest(t)
			careful(t, db, carefulWrites)
			some := func(tx *Tx) error { return inserts(tx, test.before) }
			errs := together(t, db, insert("a"), then(insert("b"), fails(refused)), some, fillsTheDisk, insert("c"))
			if lost := test.want == 1; (errs[0] != nil) != lost || errs[1] != refused || (errs[2] != nil) != lost || errs[3] == nil || errs[4] != nil {
				t.Errorf("errors %v", errs)
			}
			if got := contents(t, db); len(got) != test.want || got["b"] != 0 || got["c"] != 1 {
				t.Errorf("%d notes, want %d", len(got), test.want)
			}
		})
	}
}

// inserts writes so many notes.
func inserts(tx *Tx, n int) error {
	for i := range n {
		if err := insert(fmt.Sprint("note ", i))(tx); err != nil {
			return err
		}
	}
	return nil
}

// Where what the others did cannot be done again, they fail too, and nothing of them is left.
func TestWritesThatCannotBeDoneAgainFail(t *testing.T) {
	db, _ := openTest(t)
	breaks := func(tx *Tx) error {
		if err := insert("b")(tx); err != nil {
			return err
		}
		if _, err := tx.Exec("SELECT nonsense"); err == nil {
			t.Error("nonsense is no error")
		}
		tx.w.changes[0].args = nil
		return nil
	}
	errs := together(t, db, insert("a"), breaks, insert("c"))
	if errs[0] == nil || !strings.Contains(errs[0].Error(), "lost with another write's error") || errs[1] == nil || errs[2] != nil {
		t.Errorf("errors %v; want two", errs)
	}
	if got := notes(t, db); got != "c" {
		t.Errorf("notes are %q, want c", got)
	}
}
