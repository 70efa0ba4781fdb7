package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Tx is one write function's part of the writer's transaction. It is valid until the function
// returns, and only on the goroutine that runs it. Its statements must not control transactions
// themselves (BEGIN, COMMIT, ROLLBACK, SAVEPOINT, OR ROLLBACK), which would end those of the
// neighbours, nor keep a part of what fails (OR FAIL).
type Tx struct {
	w       *writer
	before  int   // how many of the transaction's changes were made before this function
	gap     bool  // not all of those are remembered, so that they cannot be done again
	wrote   bool  // this function may have written
	saved   bool  // this function has a savepoint of its own
	row     *Row  // was found and is not scanned yet
	spoiled error // the first error after which the transaction may be gone
}

// Exec runs one statement, which returns no rows: a query with a ";" before its end is refused, but
// for a CREATE TRIGGER. The statement is prepared once per query string and kept for the life of
// the database, so queries must be constants with parameters.
//
// It is executed once more if a later Write that shares the transaction fails: so it must not ask
// for the time, for chance, or for what the connection did before (changes(), total_changes(),
// last_insert_rowid()), and what args point to must not change before Write returns.
//
// A constraint that fails undoes just this statement; the function may go on and return nil. Any
// other error of SQLite makes the Write fail, whatever the function returns.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	s, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := s.stmt.Exec(args...)
	if err != nil {
		return result, tx.note(err)
	}
	tx.w.remember(s, args)
	return result, nil
}

// ExecContext is Exec, unless ctx has ended. The statement itself is not interrupted: that would
// end the transaction of the neighbours, too. With it a Tx is what database/sql's own transactions
// are to other packages, such as mesh/transact.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return tx.Exec(query, args...)
}

// QueryRow runs a query for at most one row, as sql.DB.QueryRow does: errors wait until Scan, which
// returns sql.ErrNoRows when there is no row. The row must be scanned before the function's next
// statement, and before it returns. What Exec says of queries and args holds here too.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	s, err := tx.prepare(query)
	if err != nil {
		return &Row{err: err}
	}
	rows, err := s.stmt.Query(args...)
	if err != nil {
		return &Row{err: tx.note(err)}
	}
	tx.w.remember(s, args) // also if no row is read: SQLite writes before it returns the first
	tx.row = &Row{tx: tx, rows: rows}
	return tx.row
}

// closeRow closes what QueryRow found and nobody scanned. An open one would keep the transaction
// from its end, or from being begun anew.
func (tx *Tx) closeRow() {
	if tx.row == nil {
		return
	}
	tx.row.err = errors.New("the row was not scanned before the next statement")
	_ = tx.note(tx.row.rows.Close())
	tx.row = nil
}

// Row is what QueryRow found. It exists beside sql.Row so that an error met while reading a row
// spoils the transaction like any other.
type Row struct {
	tx   *Tx
	rows *sql.Rows
	err  error
}

// Scan copies the row's columns into dest, as sql.Row.Scan does.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	r.tx.row = nil
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return r.tx.note(err)
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.tx.note(r.rows.Close())
}

// prepare returns the prepared statement of query, having made room for undoing this function.
func (tx *Tx) prepare(query string) (statement, error) {
	if tx.spoiled != nil {
		return statement{}, tx.spoiled
	}
	tx.closeRow()
	s, err := tx.w.statement(query)
	if err != nil {
		return s, tx.note(err)
	}
	if s.writes && !tx.wrote {
		if err := tx.save(); err != nil {
			return s, tx.note(err)
		}
	}
	return s, nil
}

// save sets a savepoint before the function's first statement that writes, if the writer is
// careful. The first writer of a transaction needs none: undoing it is undoing the transaction, in
// which nobody else has a part yet.
func (tx *Tx) save() error {
	tx.wrote = true
	if tx.before == 0 || tx.w.careful == 0 {
		return nil
	}
	if err := tx.w.run(sqlSave); err != nil {
		return fmt.Errorf("set savepoint: %w", err)
	}
	tx.saved = true
	return nil
}

// note remembers the first error that spoils the transaction, and returns err.
func (tx *Tx) note(err error) error {
	if err != nil && tx.spoiled == nil && spoils(err) {
		tx.spoiled = err
	}
	return err
}

// statement is a prepared query and whether it may write.
type statement struct {
	stmt   *sql.Stmt
	writes bool
}

// statement returns query prepared on the writer's connection. The cache has no bound: the number
// of queries is that of the string constants in a service.
func (w *writer) statement(query string) (statement, error) {
	if s, ok := w.statements[query]; ok {
		return s, nil
	}
	if isScript(query) {
		return statement{}, fmt.Errorf("query %q has a \";\" before its end: give each statement to an Exec of its own, and texts as parameters", query)
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return statement{}, fmt.Errorf("prepare %q: %w", query, err)
	}
	s := statement{stmt: stmt, writes: !begins(query, "select")}
	w.statements[query] = s
	return s, nil
}

// run executes a statement of the writer's own, such as BEGIN.
func (w *writer) run(query string) error {
	s, err := w.statement(query)
	if err != nil {
		return err
	}
	_, err = s.stmt.Exec()
	return err
}

// begins reports whether a query's first word is the one given. A query surely only reads if that
// is SELECT. Any other, a WITH or a comment too, is taken for a writing one: a needless savepoint
// is only slow.
func begins(query, first string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.EqualFold(word, first)
}

// isScript reports whether a query may be more than one statement. SQLite runs a script, but does
// not say how far it came, and its first word does not say whether it writes. A CREATE is let pass:
// a trigger is one statement that holds others.
func isScript(query string) bool {
	return strings.Contains(strings.TrimRight(query, "; \t\n"), ";") && !begins(query, "create")
}
