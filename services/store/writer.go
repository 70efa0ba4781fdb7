package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

const (
	// queueLength is how many Writes may wait before Write blocks.
	queueLength = 1024
	// batchLimit is the most Writes in one transaction, those that fail included. It bounds how
	// long the first of them waits for its COMMIT: at 20 µs a Write, some 5 ms.
	batchLimit = 256
)

// The writer's own statements.
const (
	sqlBegin    = "BEGIN IMMEDIATE"
	sqlCommit   = "COMMIT"
	sqlRollback = "ROLLBACK"
	sqlSave     = "SAVEPOINT w"
	sqlRelease  = "RELEASE w"
	sqlUndo     = "ROLLBACK TO w"
)

// The states of a write. Whoever moves it on from waiting decides whether f runs.
const (
	waiting = iota
	running
	abandoned
)

// write is one call of Write on its way through the writer.
type write struct {
	f     func(*Tx) error
	state atomic.Int32
	err   error         // set before done
	panic *panicked     // set before done
	done  chan struct{} // closed when err and panic are final
}

// panicked is what f panicked with, and where.
type panicked struct {
	value any
	stack []byte
}

// writer is the one connection that writes. Its goroutine, loop, owns all fields but queue and
// done.
type writer struct {
	pool       *sql.DB
	conn       *sql.Conn
	statements map[string]statement // by query
	queue      chan *write
	done       chan struct{} // closed when loop has ended
	open       bool          // a transaction is open
	batch      []*write      // those that are in the open transaction and wait for its COMMIT
	changes    []change      // what batch and the Write that runs have written, in its order
	forgot     bool          // there were more changes than are remembered
	careful    int           // so many Writes to come that write get savepoints
}

// do hands f to the loop and waits for its end.
func (w *writer) do(ctx context.Context, f func(*Tx) error) error {
	r := &write{f: f, done: make(chan struct{})}
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		<-r.done
	}
	if r.panic != nil {
		panic(fmt.Sprintf("%v\n\nin a function that writes to the database:\n%s", r.panic.value, r.panic.stack))
	}
	return r.err
}

// loop runs transactions until the queue is closed and empty. A transaction takes in whatever comes
// while it runs, and commits when nobody waits: under load transactions grow by themselves, without
// a timer that would delay a lone Write.
func (w *writer) loop() {
	defer close(w.done)
	for r := range w.queue {
		w.admit(r)
		for range batchLimit - 1 {
			next := w.next()
			if next == nil {
				break
			}
			w.admit(next)
		}
		w.commit()
	}
}

// next returns the write that waits next, nil when none does. Before it says so, it lets callers
// run who were woken by the last COMMIT and are about to write again.
func (w *writer) next() *write {
	for range 2 {
		select {
		case r := <-w.queue: // nil when closed
			return r
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// admit runs r in the open transaction, opening one if needed. Afterwards r is in the batch, or
// done.
func (w *writer) admit(r *write) {
	if !r.state.CompareAndSwap(waiting, running) {
		return // its caller has gone
	}
	if err := w.begin(); err != nil {
		r.finish(err)
		return
	}
	tx := &Tx{w: w, before: len(w.changes), gap: w.forgot}
	err := r.call(tx)
	tx.closeRow()
	if tx.wrote {
		w.careful = max(0, w.careful-1)
	}
	if err == nil {
		err = tx.spoiled // f may not overlook it
	}
	if err == nil && tx.saved {
		err = w.run(sqlRelease)
	}
	if err != nil {
		if !w.undo(tx) {
			w.abort(fmt.Errorf("the transaction was lost with another write's error: %w", err))
		}
		r.finish(err)
		return
	}
	w.batch = append(w.batch, r)
}

// begin opens a transaction unless one is open.
func (w *writer) begin() error {
	if w.open {
		return nil
	}
	if err := w.run(sqlBegin); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	w.open = true
	return nil
}

// undo takes back what tx did. It returns false when its neighbours' part is lost too.
func (w *writer) undo(tx *Tx) bool {
	if !tx.wrote && tx.spoiled == nil {
		return true
	}
	w.careful = carefulWrites
	// On some errors, such as a full disk, SQLite rolls back the whole transaction by itself, and
	// the savepoint is gone.
	if tx.saved && w.run(sqlUndo) == nil && w.run(sqlRelease) == nil {
		w.keep(tx.before)
		w.forgot = tx.gap
		return true
	}
	return !tx.gap && w.redo(tx.before)
}

// commit commits the batch and tells its members.
func (w *writer) commit() {
	if !w.open {
		w.end(nil) // those whose transaction was given up had written nothing
		return
	}
	if err := w.run(sqlCommit); err != nil {
		w.abort(fmt.Errorf("commit: %w", err))
		return
	}
	w.end(nil)
}

// abort gives the transaction up and tells its members why.
func (w *writer) abort(err error) {
	w.abandon()
	w.end(err)
}

// abandon rolls back, if SQLite has not done so already.
func (w *writer) abandon() {
	_ = w.run(sqlRollback) // fails only when no transaction is open, which is what is wanted
	w.open = false
}

// end ends the transaction and all members of its batch.
func (w *writer) end(err error) {
	w.open, w.forgot = false, false
	w.keep(0)
	for i, r := range w.batch {
		r.finish(err)
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
}

// close closes the connection. The statements go first: database/sql leaves those of a single
// connection to their owner, and SQLite keeps a file open, its -wal file unmerged, while there are
// any.
func (w *writer) close() error {
	var errs []error
	for _, s := range w.statements {
		errs = append(errs, s.stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.pool.Close())...)
}

// call runs f and keeps its panic.
func (r *write) call(tx *Tx) (err error) {
	defer func() {
		if value := recover(); value != nil {
			r.panic = &panicked{value: value, stack: debug.Stack()}
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return r.f(tx)
}

// finish makes err the result and wakes the caller.
func (r *write) finish(err error) {
	r.err = err
	close(r.done)
}
