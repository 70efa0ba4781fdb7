package store

import (
	"context"
	"database/sql"
	"errors"
)

// Each calls scan for each row of a query on the read-only pool, in the query's order, and returns
// the first error: of the query, of scan or of ctx. scan reads the row it is given with Scan and
// does nothing else with it.
func (db *DB) Each(ctx context.Context, query string, scan func(*sql.Rows) error, args ...any) (err error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
