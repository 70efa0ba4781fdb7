package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/gofrs/flock"
)

// DB is one database file, open. Its methods may be called at the same time.
type DB struct {
	path   string // as it was given
	abs    string
	read   *sql.DB
	writer *writer
	lock   *flock.Flock

	queries sync.Map // text → *sql.Stmt, on the read-only pool

	mu     sync.RWMutex // guards closed, and orders calls.Add before calls.Wait
	closed bool
	calls  sync.WaitGroup // Writes under way
	once   sync.Once
	err    error // of Close
}

// start starts the writer's goroutine, which Close ends.
func start(path string, w *writer, read *sql.DB) *DB {
	w.queue = make(chan *write, queueLength)
	w.done = make(chan struct{})
	go w.loop()
	return &DB{path: path, read: read, writer: w}
}

// Write runs f within a transaction of the single writer and returns after its COMMIT. Writes
// called at the same time share transactions (group commit); each succeeds or fails by itself: when
// f returns an error, what f wrote is undone, Write returns that error as it is, and its neighbours
// are not touched.
//
// f runs exactly once, or not at all when ctx ends while the Write waits for its turn; then Write
// returns ctx's error. Once f has begun Write waits for the end, whatever ctx says, so f may use
// its caller's variables. f runs on the writer's goroutine and holds everybody else up: it must not
// wait for anything, call Write, or call runtime.Goexit (as t.Fatal does). A panic in f undoes f
// and goes on in the caller of Write.
//
// Other errors: ErrClosed; SQLite's own. After a full disk, an I/O error or no memory SQLite may
// give up the whole transaction: then what the other Writes have done is done once more. If that
// fails too, or the COMMIT, where most full disks are met, all Writes of that transaction fail, and
// nothing of them is in the file. Blocks while the queue (1,024 Writes) is full, until ctx ends.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !db.enter() {
		return ErrClosed
	}
	defer db.calls.Done()
	return db.writer.do(ctx, f)
}

// Check says why the database cannot be written; nil: it can. It writes a page as it is.
func (db *DB) Check(ctx context.Context) error {
	if _, err := db.ExecContext(ctx, "PRAGMA application_id = 0"); err != nil {
		return fmt.Errorf("write to %s: %w", db.path, err)
	}
	return nil
}

// Sync brings to the disk what was committed before it was called, so that no crash of the machine
// takes it back. Nobody waits for it but the caller: it is the -wal file that is synced, and no
// checkpoint that is made.
func (db *DB) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !db.enter() {
		return ErrClosed
	}
	defer db.calls.Done()
	file, err := os.OpenFile(db.abs+"-wal", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("sync %s: %w", db.path, err)
	}
	return errors.Join(file.Sync(), file.Close())
}

// ExecContext runs one statement in a Write of its own. As in Tx.Exec the query is prepared once
// and kept.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = db.Write(ctx, func(tx *Tx) error {
		result, err = tx.Exec(query, args...)
		return err
	})
	return result, err
}

// QueryContext runs a query on the read-only pool: see Read. As in Tx.Exec the query is prepared
// once and kept.
func (db *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	kept, ok := db.queries.Load(query)
	if !ok {
		fresh, err := db.read.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		if kept, ok = db.queries.LoadOrStore(query, fresh); ok {
			_ = fresh.Close() // somebody was faster
		}
	}
	return kept.(*sql.Stmt).QueryContext(ctx, args...)
}

// enter counts a Write in, unless the database is closed.
func (db *DB) enter() bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return false
	}
	db.calls.Add(1)
	return true
}

// Read returns the read-only pool of at most 4 connections. Each query sees the last COMMIT before
// it; queries that must see one state run in one sql.Tx. A reader that stays in a transaction keeps
// the -wal file growing. The caller does not close it.
func (db *DB) Read() *sql.DB { return db.read }

// Close refuses new Writes, finishes those under way, stops the writer, waits for it and closes the
// file. The file -wal is then merged into the database file. Further calls return what the first
// one did.
func (db *DB) Close() error {
	db.once.Do(func() {
		db.mu.Lock()
		db.closed = true
		db.mu.Unlock()
		db.calls.Wait()
		close(db.writer.queue)
		<-db.writer.done
		// The readers go first: the last connection to leave merges the -wal file, which a reader
		// may not do.
		if err := errors.Join(db.read.Close(), db.writer.settle(db.abs), db.writer.close(), db.lock.Close()); err != nil {
			db.err = fmt.Errorf("close database %q: %w", db.path, err)
		}
	})
	return db.err
}
