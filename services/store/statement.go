package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// statement is a query of the writer. It is prepared when it is first executed, or asked, and kept.
//
// It is executed by the driver's own interface. By way of database/sql it takes a fifth more
// processor time and three times the memory. Rows are read by database/sql, for its Scan.
type statement struct {
	conn   *sql.Conn
	text   string
	writes bool // it may write

	stmt   driver.Stmt         // nil: never executed
	values []driver.NamedValue // the last arguments, for their memory
	rows   *sql.Stmt           // nil: never asked for rows
}

// exec executes the statement.
func (s *statement) exec(args []any) (result sql.Result, err error) {
	err = s.conn.Raw(func(c any) (err error) {
		if s.stmt == nil {
			stmt, err := c.(driver.Conn).Prepare(s.text)
			if err != nil { // and stmt is not even nil
				return fmt.Errorf("prepare %q: %w", s.text, err)
			}
			s.stmt = stmt
		}
		s.values = s.values[:0]
		for i, arg := range args {
			value, err := driver.DefaultParameterConverter.ConvertValue(arg)
			if err != nil {
				return fmt.Errorf("argument %d of %q: %w", i+1, s.text, err)
			}
			s.values = append(s.values, driver.NamedValue{Ordinal: i + 1, Value: value})
		}
		result, err = s.stmt.(driver.StmtExecContext).ExecContext(context.Background(), s.values)
		return err
	})
	return result, err
}

// query asks for rows.
func (s *statement) query(args []any) (rows *sql.Rows, err error) {
	if s.rows == nil {
		if s.rows, err = s.conn.PrepareContext(context.Background(), s.text); err != nil {
			return nil, fmt.Errorf("prepare %q: %w", s.text, err)
		}
	}
	return s.rows.Query(args...)
}

// close closes what was prepared.
func (s *statement) close() error {
	var errs []error
	if s.rows != nil {
		errs = append(errs, s.rows.Close())
	}
	if s.stmt != nil {
		errs = append(errs, s.conn.Raw(func(any) error { return s.stmt.Close() }))
	}
	return errors.Join(errs...)
}

// statement returns the statement of a query. The cache has no bound: the number of queries is that
// of the string constants in a service.
func (w *writer) statement(query string) *statement {
	s := w.statements[query]
	if s == nil {
		s = &statement{conn: w.conn, text: query, writes: !isSelect(query)}
		w.statements[query] = s
	}
	return s
}

// run executes a statement of the writer's own, such as BEGIN.
func (w *writer) run(query string) error {
	_, err := w.statement(query).exec(nil)
	return err
}

// isSelect reports whether query surely only reads. Whatever does not begin with SELECT, a WITH or
// a comment too, is taken for a writing one: a needless savepoint is only slow.
func isSelect(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return strings.EqualFold(word, "select")
}
