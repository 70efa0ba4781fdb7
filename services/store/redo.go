package store

import (
	"database/sql"
	"slices"
)

const (
	// redoLimit is how many changes of a transaction are remembered at most. It bounds their
	// memory, and how long it takes to do them again: 20 ms at 5 µs each.
	redoLimit = 4096
	// carefulWrites is how many Writes get savepoints after one failed: failures seldom come alone.
	carefulWrites = 1024
)

// change is a statement that has written to the open transaction, and what it was executed with.
type change struct {
	stmt *sql.Stmt
	args []any
}

// remember keeps what a statement did, to be done again if a later Write of the transaction fails.
func (w *writer) remember(s statement, args []any) {
	if !s.writes {
		return
	}
	if len(w.changes) < redoLimit {
		w.changes = append(w.changes, change{s.stmt, slices.Clone(args)}) // the caller may use its slice again
		return
	}
	w.forgot = true
	w.careful = max(w.careful, batchLimit) // for what may come in this transaction
}

// redo begins the transaction anew, without the last Write, and does the first changes of it once
// more, which are those of the Writes before. They meet what they met the first time, so they end
// as they did. It returns false if they do not: then the transaction is lost. Another program, such
// as an sqlite3 shell, can commit between the ROLLBACK and the BEGIN; then they meet what it wrote.
//
// SQLite's own means are savepoints. One for each Write was rejected: it costs two statements more
// and a copy of each page that the Write changes, for the sake of one Write in thousands that
// fails.
func (w *writer) redo(first int) bool {
	w.abandon()
	w.keep(first)
	w.forgot = false
	if first == 0 {
		return true
	}
	if err := w.begin(); err != nil {
		return false
	}
	for _, c := range w.changes {
		if _, err := c.stmt.Exec(c.args...); err != nil {
			return false
		}
	}
	return true
}

// keep lets go of all changes but the first ones.
func (w *writer) keep(first int) {
	clear(w.changes[first:])
	w.changes = w.changes[:first]
}
