package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
)

func TestEachScansEveryRow(t *testing.T) {
	db, _ := openTest(t)
	for n, name := range []string{"a", "b", "c"} {
		if err := put(db, name, n); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	const query = "SELECT name FROM notes WHERE n >= ? ORDER BY name DESC"
	var names []string
	collect := func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	}
	if err := db.Each(ctx, query, collect, 1); err != nil || !slices.Equal(names, []string{"c", "b"}) {
		t.Errorf("names %q, error %v", names, err)
	}
	broken := errors.New("broken")
	rows := 0
	if err := db.Each(ctx, query, func(*sql.Rows) error { rows++; return broken }, 0); !errors.Is(err, broken) || rows != 1 {
		t.Errorf("after %d rows: %v, want the error of the first", rows, err)
	}
	if err := db.Each(ctx, "SELECT nothing", collect); err == nil {
		t.Error("a wrong query is no error")
	}
	// abs has no result for the second row: the first comes, then the error.
	if err := db.Each(ctx, "SELECT abs(column1) FROM (VALUES (1), (-9223372036854775808))", func(*sql.Rows) error { return nil }); err == nil {
		t.Error("a query that fails half way is no error")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Each(ended, query, collect, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
	if open := db.Read().Stats().InUse; open != 0 {
		t.Errorf("%d connections stay in use", open)
	}
}
