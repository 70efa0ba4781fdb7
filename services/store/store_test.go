package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const testSchema = `CREATE TABLE notes (name TEXT PRIMARY KEY, n INTEGER NOT NULL)`

// openTest opens a database in a directory of its own and closes it at the test's end.
func openTest(t *testing.T, schema ...string) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new folder", "test #1?.db") // characters with a meaning in URIs
	if schema == nil {
		schema = []string{testSchema}
	}
	db, err := Open(path, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, path
}

// put writes one note.
func put(db *DB, name string, n int) error {
	return db.Write(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO notes VALUES (?, ?)", name, n)
		return err
	})
}

// notes returns all names, in order, joined by spaces.
func notes(t *testing.T, db *DB) string {
	t.Helper()
	var names sql.NullString
	err := db.Read().QueryRow("SELECT group_concat(name, ' ') FROM (SELECT name FROM notes ORDER BY name)").Scan(&names)
	if err != nil {
		t.Fatal(err)
	}
	return names.String
}

func TestWriteIsThereForReadersAndAfterReopening(t *testing.T) {
	db, path := openTest(t)
	if err := put(db, "a", 1); err != nil {
		t.Fatal(err)
	}
	if got := notes(t, db); got != "a" {
		t.Errorf("notes are %q, want a", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the -wal file is left after Close: %v", err)
	}
	again, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := notes(t, again); got != "a" {
		t.Errorf("after reopening notes are %q, want a", got)
	}
}

func TestFileIsPrivateToItsOwner(t *testing.T) {
	db, path := openTest(t)
	if err := put(db, "a", 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(name), mode)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db, _ := openTest(t)
	if _, err := db.Read().Exec("INSERT INTO notes VALUES ('x', 1)"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestConcurrentWritesAllSucceedOrFailByThemselves(t *testing.T) {
	db, _ := openTest(t)
	refused := errors.New("refused")
	const writers, each = 16, 60
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				bad := i%3 == 0
				err := db.Write(context.Background(), func(tx *Tx) error {
					for part := range 2 {
						if _, err := tx.Exec("INSERT INTO notes VALUES (?, ?)", fmt.Sprintf("%d-%d-%d", w, i, part), i); err != nil {
							return err
						}
					}
					if bad {
						return refused
					}
					return nil
				})
				if bad && err != refused || !bad && err != nil {
					t.Errorf("write %d of %d: %v", i, w, err)
				}
			}
		})
	}
	group.Wait()
	var good, bad int
	err := db.Read().QueryRow("SELECT count(*) FILTER (WHERE n % 3 <> 0), count(*) FILTER (WHERE n % 3 = 0) FROM notes").Scan(&good, &bad)
	if err != nil {
		t.Fatal(err)
	}
	if want := writers * each * 2 * 2 / 3; good != want || bad != 0 {
		t.Errorf("%d rows of good writes and %d of failed ones, want %d and 0", good, bad, want)
	}
}

// together runs fs in one transaction, in their order, and returns their errors.
func together(t *testing.T, db *DB, fs ...func(*Tx) error) []error {
	t.Helper()
	var group sync.WaitGroup
	errs := make([]error, len(fs))
	release := hold(t, db, &group) // until all wait behind it
	for i, f := range fs {
		group.Go(func() { errs[i] = db.Write(context.Background(), f) })
		waitQueued(db, i+1)
	}
	release()
	group.Wait()
	return errs
}

// hold keeps the writer busy, from when hold returns until release is called.
func hold(t *testing.T, db *DB, group *sync.WaitGroup) (release func()) {
	t.Helper()
	held, end := make(chan struct{}), make(chan struct{})
	group.Go(func() {
		// Its result does not matter: it shares the fate of the transaction.
		_ = db.Write(context.Background(), func(*Tx) error { close(held); <-end; return nil })
	})
	<-held
	return func() { close(end) }
}

// waitQueued waits until n writes are in the queue, behind one that runs.
func waitQueued(db *DB, n int) {
	for len(db.writer.queue) < n {
		yield()
	}
}

func insert(name string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO notes VALUES (?, 1)", name)
		return err
	}
}

// then runs fs one after the other until one fails.
func then(fs ...func(*Tx) error) func(*Tx) error {
	return func(tx *Tx) error {
		for _, f := range fs {
			if err := f(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

func fails(err error) func(*Tx) error { return func(*Tx) error { return err } }

func TestFailuresWithinOneTransaction(t *testing.T) {
	refused := errors.New("refused")
	read := func(tx *Tx) error {
		var n int
		return tx.QueryRow("SELECT count(*) FROM notes").Scan(&n)
	}
	returning := func(name string) func(*Tx) error {
		return func(tx *Tx) error {
			var got string
			return tx.QueryRow("INSERT INTO notes VALUES (?, 1) RETURNING name", name).Scan(&got)
		}
	}
	overlooked := func(name string) func(*Tx) error {
		return func(tx *Tx) error { _ = insert(name)(tx); return nil }
	}
	tests := []struct {
		name   string
		writes []func(*Tx) error
		failed string // one letter a write: y or n
		want   string
	}{
		{"all good", []func(*Tx) error{insert("a"), insert("b"), insert("c")}, "nnn", "a b c"},
		{"first fails", []func(*Tx) error{then(insert("a"), fails(refused)), insert("b")}, "yn", "b"},
		{"middle fails", []func(*Tx) error{insert("a"), then(insert("b"), insert("c"), fails(refused)), insert("d")}, "nyn", "a d"},
		{"last fails", []func(*Tx) error{insert("a"), then(insert("b"), fails(refused))}, "ny", "a"},
		{"all fail", []func(*Tx) error{then(insert("a"), fails(refused)), then(insert("b"), fails(refused))}, "yy", ""},
		{"fails before it writes", []func(*Tx) error{insert("a"), fails(refused), insert("b")}, "nyn", "a b"},
		{"reader first, then a failure", []func(*Tx) error{read, then(insert("a"), fails(refused)), insert("b")}, "nyn", "b"},
		{"fails after reading", []func(*Tx) error{insert("a"), then(read, fails(refused)), insert("b")}, "nyn", "a b"},
		{"a query that writes is undone", []func(*Tx) error{insert("a"), then(returning("b"), fails(refused)), returning("c")}, "nyn", "a c"},
		{"constraint fails", []func(*Tx) error{insert("a"), then(insert("b"), insert("a"))}, "ny", "a"},
		{"constraint handled", []func(*Tx) error{insert("a"), then(insert("b"), overlooked("a"), insert("c"))}, "nn", "a b c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, _ := openTest(t)
			var failed strings.Builder
			for _, err := range together(t, db, test.writes...) {
				failed.WriteString(map[bool]string{true: "y", false: "n"}[err != nil])
			}
			if got := failed.String(); got != test.failed {
				t.Errorf("failed: %s, want %s", got, test.failed)
			}
			if got := notes(t, db); got != test.want {
				t.Errorf("notes are %q, want %q", got, test.want)
			}
		})
	}
}

// Writes that fail do not keep those of their transaction from its COMMIT, however many come.
func TestFailuresDoNotPutOffTheCommit(t *testing.T) {
	db, _ := openTest(t)
	within := 0 // a transaction that has a Write; owned by the writer
	failing := func(tx *Tx) error {
		if len(tx.w.batch) > 0 {
			within++
		}
		return errors.New("refused")
	}
	fs := []func(*Tx) error{insert("a")}
	for range 3 * batchLimit {
		fs = append(fs, failing)
	}
	if errs := together(t, db, fs...); errs[0] != nil || within >= batchLimit {
		t.Errorf("%v, and %d Writes failed in its transaction, want less than %d", errs[0], within, batchLimit)
	}
}

func TestPanicGoesToTheCallerAndUndoesItsWrite(t *testing.T) {
	db, _ := openTest(t)
	func() {
		defer func() {
			if got := fmt.Sprint(recover()); !strings.Contains(got, "boom") || !strings.Contains(got, "store_test.go") {
				t.Errorf("recovered %.200q, want boom and the stack", got)
			}
		}()
		_ = db.Write(context.Background(), then(insert("a"), func(*Tx) error { panic("boom") }))
	}()
	if err := put(db, "b", 1); err != nil {
		t.Fatal(err)
	}
	if got := notes(t, db); got != "b" {
		t.Errorf("notes are %q, want b", got)
	}
}

func TestWriteRunsOnceOrNotAtAllWhenItsContextEnds(t *testing.T) {
	db, _ := openTest(t)
	var group sync.WaitGroup
	release := hold(t, db, &group)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	group.Go(func() { ran <- db.Write(ctx, insert("a")) })
	waitQueued(db, 1)
	cancel()
	if err := <-ran; !errors.Is(err, context.Canceled) {
		t.Errorf("a waiting write returned %v, want context.Canceled", err)
	}
	release()
	group.Wait()

	ctx, cancel = context.WithCancel(context.Background())
	err := db.Write(ctx, func(tx *Tx) error { cancel(); return insert("b")(tx) })
	if err != nil {
		t.Errorf("a write that has begun returned %v, want nil", err)
	}
	if err := db.Write(ctx, insert("c")); !errors.Is(err, context.Canceled) {
		t.Errorf("a write with an ended context returned %v", err)
	}
	if got := notes(t, db); got != "b" {
		t.Errorf("notes are %q, want b", got)
	}
}

func TestCloseFinishesWhatWaitsAndRefusesTheRest(t *testing.T) {
	db, path := openTest(t)
	var group sync.WaitGroup
	release := hold(t, db, &group)
	group.Go(func() {
		if err := put(db, "a", 1); err != nil {
			t.Errorf("a write that waited when Close was called: %v", err)
		}
	})
	waitQueued(db, 1)
	group.Go(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for db.enter() { // until Close has shut the door
		db.calls.Done()
		yield()
	}
	release()
	group.Wait()
	if err := put(db, "b", 1); !errors.Is(err, ErrClosed) {
		t.Errorf("a write after Close returned %v, want ErrClosed", err)
	}
	again, err := Open(path, []string{testSchema})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := notes(t, again); got != "a" {
		t.Errorf("notes are %q, want a", got)
	}
}

func TestWritesThatWaitForTheQueueMayMeetClose(t *testing.T) {
	db, _ := openTest(t)
	var group sync.WaitGroup
	release := hold(t, db, &group)
	for range queueLength + 50 {
		group.Go(func() {
			if err := db.Write(context.Background(), fails(nil)); err != nil && !errors.Is(err, ErrClosed) {
				t.Errorf("a write that met Close: %v", err)
			}
		})
	}
	waitQueued(db, queueLength)
	group.Go(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for db.enter() {
		db.calls.Done()
		yield()
	}
	release()
	group.Wait()
}
