package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// yield lets other goroutines run while a test waits for a condition.
func yield() { runtime.Gosched() }

func TestMigrationsAreAppliedOnceAndInOrder(t *testing.T) {
	db, path := openTest(t, testSchema)
	if err := put(db, "a", 1); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	schema := []string{testSchema, "ALTER TABLE notes ADD COLUMN more TEXT DEFAULT 'm'", "UPDATE notes SET more = more || n"}
	for range 2 { // the second time nothing is left to apply
		db, err := Open(path, schema)
		if err != nil {
			t.Fatal(err)
		}
		var more string
		if err := db.Read().QueryRow("SELECT more FROM notes").Scan(&more); err != nil || more != "m1" {
			t.Errorf("more is %q (%v), want m1", more, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(path, schema[:2])
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Version != 3 || newer.Known != 2 {
		t.Errorf("opening with an older program returned %v, want a NewerError", err)
	}
}

func TestFailingMigrationChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	_, err := Open(path, []string{testSchema, "CREATE TABLE more (a)", "NO SQL"})
	if err == nil || !strings.Contains(err.Error(), "migration 2") || !strings.Contains(err.Error(), path) {
		t.Fatalf("error is %v, want one that names the migration and the file", err)
	}
	db, err := Open(path, []string{testSchema}) // fails if the first migration had been kept
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
}

func TestDamagedFilesAreNamedWithARemedy(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, file []byte) []byte
	}{
		{"text", func(*testing.T, []byte) []byte { return []byte(strings.Repeat("this is no database. ", 100)) }},
		{"page overwritten", func(t *testing.T, file []byte) []byte {
			if len(file) < 3*4096 {
				t.Fatalf("the file has just %d bytes", len(file))
			}
			copy(file[2*4096:], strings.Repeat("x", 4096))
			return file
		}},
		{"emptied", func(*testing.T, []byte) []byte { return nil }},
		{"cut off", func(_ *testing.T, file []byte) []byte { return file[:len(file)-4096-100] }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, path := openTest(t)
			for i := range 300 {
				if err := put(db, strings.Repeat("x", i+1), i); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, test.damage(t, file), 0o600); err != nil {
				t.Fatal(err)
			}
			opened, err := Open(path, []string{testSchema})
			if err == nil {
				opened.Close()
			}
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
				t.Errorf("error is %v, want a CorruptError with file and remedy", err)
			}
		})
	}
}

// A database that was made and is gone is not begun anew in silence; the remedy works.
func TestAFileThatIsGoneIsNamedWithARemedy(t *testing.T) {
	db, path := openTest(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		opened, err := Open(path, []string{testSchema})
		if err == nil {
			opened.Close()
		}
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "it is gone") || !strings.Contains(err.Error(), ".made") {
			t.Fatalf("error is %v, want a CorruptError with file and remedy", err)
		}
	}
	if err := os.Remove(path + ".made"); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenForRefusesAnotherOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	for _, owner := range []string{`hunt "a"`, `hunt "a"`} {
		db, err := OpenFor(path, owner, []string{testSchema})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := OpenFor(path, `hunt "b"`, []string{testSchema})
	var other *OwnerError
	if !errors.As(err, &other) || other.Path != path || other.Has != `hunt "a"` || other.Want != `hunt "b"` {
		t.Errorf("opening for another owner returned %v", err)
	}
}

func TestUnusablePathsAreNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "file", "x.db")} {
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%q) returned %v, want an error with the path", path, err)
		}
	}
}

// A limit on the database's pages gives the same error as a full disk, SQLITE_FULL.
func TestFullDiskIsAnErrorAndNoCorruption(t *testing.T) {
	db, path := openTest(t)
	if err := put(db, "before", 1); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(context.Background(), limitPages); err != nil {
		t.Fatal(err)
	}
	large := func(tx *Tx) error {
		for _, name := range []string{"1", "2", "3", "4"} {
			if err := insert(strings.Repeat(name, 4096))(tx); err != nil {
				return nil // overlooked, but Write must not overlook it
			}
		}
		return nil
	}
	// SQLite loses the whole transaction here, and what the others wrote is done again.
	errs := together(t, db, insert("small"), large, insert("after"))
	if errs[0] != nil || primaryCode(errs[1]) != sqlite3.SQLITE_FULL || errs[2] != nil {
		t.Errorf("the writes returned %v, want SQLITE_FULL for the large one alone", errs)
	}
	if got := notes(t, db); got != "after before small" {
		t.Errorf("notes are %q, want those whose Write succeeded", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
}

// limitPages lets the file grow by one page beyond the three of the empty schema.
func limitPages(tx *Tx) error {
	var limit int
	return tx.QueryRow("PRAGMA max_page_count = 4").Scan(&limit)
}

// A second process at one file would be right by itself and wrong together with the first.
func TestOpenLocksOutOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one.db")
	first, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: %v, want ErrInUse", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, nil)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestAttackADirectoryThatAllMayWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory has no such mode")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "x.db"), nil); err == nil || !strings.Contains(err.Error(), "chmod o-w "+dir) {
		t.Errorf("error is %v, want one with the remedy", err)
	}
}
