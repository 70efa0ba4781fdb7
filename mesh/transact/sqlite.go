package transact

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// sqliteRemedy says how SQLite is opened beside a Relay.
const sqliteRemedy = "add ?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate to the file's name " +
	"(modernc.org/sqlite), or ?_busy_timeout=5000&_journal_mode=WAL&_txlock=immediate (mattn/go-sqlite3)"

// connectionLimit bounds the wait for a connection that all may be using.
const connectionLimit = time.Second

// checkSQLite refuses a SQLite database whose connections do not wait for each other:
// transactions of the service would fail now and then, beside a Relay that deletes.
// A start that fails each time is better than that. For other databases, and
// where it cannot be told, it does nothing.
func (r *Relay) checkSQLite(ctx context.Context, node string) error {
	db := r.outbox.db
	if _, err := ask[string](ctx, db, "SELECT version()"); err == nil {
		return nil // a database with a server. SQLite has no such function, and no log of errors.
	}
	if !connectionsWait(ctx, db) {
		return errors.New("the SQLite connections of Config.Database do not wait for each other (PRAGMA busy_timeout is 0): transactions " +
			"beside the Relay would fail with SQLITE_BUSY; " + sqliteRemedy)
	}
	if mode, err := ask[string](ctx, db, "PRAGMA journal_mode"); err == nil && mode != "wal" && mode != "memory" {
		r.log.Warn("SQLite is not in WAL mode: the Relay and whoever writes wait for each other",
			"node", node, "value", mode, "remedy", sqliteRemedy)
	}
	return nil
}

// connectionsWait reports whether connections of SQLite wait for each other. It looks at
// two at a time if it can, as one may have been told by a statement, of which the
// others know nothing.
func connectionsWait(ctx context.Context, db Database) bool {
	ctx, cancel := context.WithTimeout(ctx, connectionLimit)
	defer cancel()
	looks := 1
	if pool, ok := db.(interface{ Stats() sql.DBStats }); ok && pool.Stats().MaxOpenConnections != 1 {
		looks = 2
	}
	for range looks {
		rows, err := db.QueryContext(ctx, "PRAGMA busy_timeout")
		if err != nil {
			return true // it is not SQLite, or all connections are in use
		}
		defer rows.Close() // after the next look, which would get the same connection
		var timeout int
		if rows.Next() && rows.Scan(&timeout) == nil && timeout == 0 {
			return false
		}
	}
	return true
}

// explain adds the remedy to an error by which SQLite says that another connection
// writes. Its text is all that the drivers' errors have in common.
func explain(err error) error {
	if strings.Contains(err.Error(), "database is locked") {
		return fmt.Errorf("%w; %s", err, sqliteRemedy)
	}
	return err
}
