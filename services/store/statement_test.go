package store

import (
	"context"
	"strings"
	"testing"
)

// Arguments arrive as database/sql would pass them, and one that it does not take is named.
func TestArguments(t *testing.T) {
	db, _ := openTest(t, "CREATE TABLE kinds (value ANY) STRICT")
	type own uint8
	for _, test := range []struct {
		arg  any
		want string
	}{
		{1, "integer 1"}, {int64(-2), "integer -2"}, {own(3), "integer 3"}, {true, "integer 1"}, {1.5, "real 1.5"},
		{"a\x00ü", "text 'a"}, {"", "text ''"}, {[]byte{1, 2}, "blob X'0102'"}, {nil, "null NULL"}, {(*int)(nil), "null NULL"},
	} {
		var got string
		err := db.Write(context.Background(), func(tx *Tx) error {
			if _, err := tx.Exec("DELETE FROM kinds"); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO kinds VALUES (?)", test.arg); err != nil {
				return err
			}
			return tx.QueryRow("SELECT typeof(value) || ' ' || quote(value) FROM kinds").Scan(&got)
		})
		if err != nil || !strings.HasPrefix(got, test.want) {
			t.Errorf("%#v is stored as %q (%v), want %s", test.arg, got, err, test.want)
		}
	}
	errs := together(t, db,
		func(tx *Tx) error { _, err := tx.Exec("INSERT INTO kinds VALUES (?)", "before"); return err },
		func(tx *Tx) error { _, err := tx.Exec("INSERT INTO kinds VALUES (?)", struct{}{}); return err })
	if errs[0] != nil || errs[1] == nil || !strings.Contains(errs[1].Error(), `argument 1 of "INSERT INTO kinds VALUES (?)"`) {
		t.Errorf("errors %v, want one that names the argument", errs)
	}
}

// A query may be executed at one time and asked for its rows at another.
func TestExecutedAndAsked(t *testing.T) {
	db, _ := openTest(t)
	const query = "INSERT INTO notes VALUES (?, 1) RETURNING name"
	var got string
	err := db.Write(context.Background(), func(tx *Tx) error {
		if _, err := tx.Exec(query, "a"); err != nil {
			return err
		}
		if err := tx.QueryRow(query, "b").Scan(&got); err != nil {
			return err
		}
		_, err := tx.Exec(query, "c")
		return err
	})
	if err != nil || got != "b" || notes(t, db) != "a b c" {
		t.Errorf("%q, %v; notes are %q", got, err, notes(t, db))
	}
}
