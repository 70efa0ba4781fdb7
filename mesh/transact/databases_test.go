package transact_test

import (
	"database/sql"
	"fmt"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"leafmesh/mesh/transact"
)

const postgresState = "CREATE TABLE awards (place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, team TEXT NOT NULL, n INTEGER NOT NULL);"

// onEach runs a test with a database of each kind, which has all tables.
func onEach(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newDatabase(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newPostgres(t)) })
}

// newPostgres makes tables in a schema of their own, and gives their database.
func newPostgres(t *testing.T) *sql.DB {
	t.Helper()
	db, _ := newPostgresSchema(t)
	return db
}

// newPostgresSchema also gives the schema's name.
func newPostgresSchema(t *testing.T) (*sql.DB, string) {
	t.Helper()
	name := fmt.Sprintf("test_%d", schemas.Add(1))
	root := openPostgres(t, "public")
	if _, err := root.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	db := openPostgres(t, name)
	if _, err := db.Exec(postgresState + transact.PostgresOutboxSchema + transact.PostgresInboxSchema); err != nil {
		t.Fatal(err)
	}
	return db, name
}

// openPostgres opens a pool whose unqualified names are those of a search path, and
// closes it at the test's end.
func openPostgres(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", postgresDSN(t)+" search_path="+path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(12)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// withoutPostgres skips a test, by its name, where PostgreSQL is not installed.
// The CI has it.
func withoutPostgres(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s; in CI this test is not skipped", why)
	}
	t.Skip(why)
}
