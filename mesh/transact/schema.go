package transact

import (
	"context"
	"database/sql"
)

// OutboxSchema makes the outbox's table in SQLite, for the service's migrations.
// It never changes: a later form would be a migration of its own.
//
// AUTOINCREMENT keeps a number from being used again once the table was empty, so
// that a row named in a log is that row.
const OutboxSchema = `
CREATE TABLE mesh_outbox (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which events are relayed
	id      BLOB    NOT NULL,                  -- of the event
	at      INTEGER NOT NULL,                  -- when it was emitted, unix ms
	message BLOB    NOT NULL                   -- the event as on the wire
);`

// InboxSchema makes the inbox's table in SQLite, for the service's migrations. It
// never changes, as OutboxSchema.
const InboxSchema = `
CREATE TABLE mesh_inbox (
	id      BLOB    NOT NULL, -- of the event
	handler TEXT    NOT NULL, -- the name of the handler that has handled it
	at      INTEGER NOT NULL, -- when, unix ms
	PRIMARY KEY (id, handler)
) WITHOUT ROWID;
CREATE INDEX mesh_inbox_at ON mesh_inbox (at);`

// PostgresOutboxSchema is [OutboxSchema] for PostgreSQL.
const PostgresOutboxSchema = `
CREATE TABLE mesh_outbox (
	seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order in which events are relayed
	id      BYTEA  NOT NULL,                                 -- of the event
	at      BIGINT NOT NULL,                                 -- when it was emitted, unix ms
	message BYTEA  NOT NULL                                  -- the event as on the wire
);`

// PostgresInboxSchema is [InboxSchema] for PostgreSQL.
const PostgresInboxSchema = `
CREATE TABLE mesh_inbox (
	id      BYTEA  NOT NULL, -- of the event
	handler TEXT   NOT NULL, -- the name of the handler that has handled it
	at      BIGINT NOT NULL, -- when, unix ms
	PRIMARY KEY (id, handler)
);
CREATE INDEX mesh_inbox_at ON mesh_inbox (at);`

// MarkSchema makes the table of [NewState] in SQLite, for the service's migrations. It never
// changes, as OutboxSchema.
const MarkSchema = `
CREATE TABLE mesh_mark (
	node TEXT    NOT NULL PRIMARY KEY, -- whose data directory has noted it
	mark INTEGER NOT NULL,             -- how far both are
	at   INTEGER NOT NULL              -- when it was set, unix ms
) WITHOUT ROWID;`

// PostgresMarkSchema is [MarkSchema] for PostgreSQL.
const PostgresMarkSchema = `
CREATE TABLE mesh_mark (
	node TEXT   NOT NULL PRIMARY KEY, -- whose data directory has noted it
	mark BIGINT NOT NULL,             -- how far both are
	at   BIGINT NOT NULL              -- when it was set, unix ms
);`

// Tx is the service's transaction. A *sql.Tx is one.
type Tx interface {
	// ExecContext runs a statement within the transaction.
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Database is where the outbox is, for the Relay. A *sql.DB is one.
type Database interface {
	// QueryContext sees what was committed before it was called.
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// ExecContext has committed the statement when it returns nil.
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}
