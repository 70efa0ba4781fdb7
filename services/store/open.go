package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// busyTimeoutMillis is how long a statement waits for a lock that another process holds. Within one
// process nobody waits: there is one writer, and in WAL mode readers and the writer do not meet.
const busyTimeoutMillis = 5000

// readers bounds the read pool. Each connection has a page cache of up to 2 MB (SQLite's default).
const readers = 4

// Open opens the database file at path, creates it (and its directory) if it is missing, and
// applies the migrations of schema that it has not seen yet, all in one transaction. A migration is
// one or more SQL statements; its index is its version, so migrations are only ever appended. The
// number of those applied is kept in PRAGMA user_version.
//
// Open checks the file with PRAGMA quick_check (20 ms for a file of 6 MB). Errors: *CorruptError
// for a file that is damaged or no database, that was there and is gone, or that lacks what it had
// when it was last open (its -wal file is gone, cut or damaged, or an older copy was put in its
// place), *NewerError for one that has more migrations than schema, ErrInUse for one that is open
// already, here or in another process.
func Open(path string, schema []string) (*DB, error) {
	db, err := open(path, schema)
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", path, err)
	}
	return db, nil
}

func open(path string, schema []string) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return nil, err
	}
	if err := checkFolder(filepath.Dir(abs)); err != nil {
		return nil, err
	}
	lock, err := lockFile(abs + ".lock")
	if err != nil {
		return nil, err
	}
	w, err := openLocked(abs, schema)
	if err != nil {
		return nil, errors.Join(openError(path, err), lock.Close())
	}
	read, err := openReaders(abs)
	if err != nil {
		return nil, errors.Join(err, w.close(), lock.Close())
	}
	if err := w.markOpen(abs); err != nil {
		return nil, errors.Join(err, read.Close(), w.close(), lock.Close())
	}
	db := start(path, w, read)
	db.abs, db.lock = abs, lock
	return db, nil
}

// lockFile keeps other processes from the database. Services keep what it holds in memory too, so
// two of them at one file would each be right by themselves and wrong together; SQLite's own locks
// would let them. The operating system drops the lock when the process ends, however it ends. The
// file stays.
func lockFile(path string) (*flock.Flock, error) {
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: end that one first; a service runs as one instance, for each hunt", ErrInUse)
	}
	return lock, nil
}

// openLocked looks for damage and opens the writer.
func openLocked(path string, schema []string) (*writer, error) {
	known, err := readMark(path)
	if err != nil {
		return nil, err
	}
	if known != nil {
		if err := checkPresent(path); err != nil {
			return nil, err
		}
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	checked := known != nil && known.Checkpoint > 0
	if checked {
		if err := inspect(path, *known); err != nil {
			return nil, err
		}
	}
	return openWriter(path, schema, checked)
}

// checkFolder refuses a directory in which every user of the machine can put, replace or remove
// files. Windows has no such mode.
func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("the data directory %s has mode %04o, so that every user of this machine can replace what is in it: chmod o-w %s", path, mode, path)
	}
	return nil
}

// checkPresent looks for a database that was made and has nothing in it any more: SQLite would
// begin anew in silence.
func checkPresent(path string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return &CorruptError{Path: path, Detail: "it is gone"}
	case err != nil:
		return err
	case info.Size() == 0:
		return &CorruptError{Path: path, Detail: "it is empty"}
	}
	return nil
}

// createPrivate creates a missing file readable by its owner only, which SQLite would not: it makes
// files by the process's umask. The -wal and -shm files get the mode of the database file.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openWriter opens the writer's connection and brings the file up to date.
func openWriter(path string, schema []string, checked bool) (*writer, error) {
	pool, err := sql.Open("sqlite", dsn(path, "rwc",
		"journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	w := &writer{pool: pool, conn: conn, statements: make(map[string]statement)}
	if !checked {
		err = check(path, conn)
	}
	if err == nil {
		err = w.prepare(path, schema)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// openReaders opens the read-only pool and tries it.
func openReaders(path string) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dsn(path, "ro", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(readers)
	pool.SetMaxIdleConns(readers)
	if err := pool.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("open for reading: %w", err), pool.Close())
	}
	return pool, nil
}

// dsn is a file URI, so that a path may hold '?' and '#'.
func dsn(path, mode string, pragmas ...string) string {
	name := filepath.ToSlash(path)
	if !strings.HasPrefix(name, "/") { // a drive letter
		name = "/" + name
	}
	values := url.Values{"mode": {mode}, "_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeoutMillis)}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: name, RawQuery: values.Encode()}).String()
}

// check looks for damage. The full integrity_check also compares indexes with tables, but takes
// several times as long.
func check(path string, conn *sql.Conn) error {
	var found string
	if err := conn.QueryRowContext(context.Background(), "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if found != "ok" {
		return &CorruptError{Path: path, Detail: found}
	}
	return nil
}

// migrate applies the migrations the file lacks, all or none.
func migrate(path string, conn *sql.Conn, schema []string) error {
	ctx := context.Background()
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > len(schema) {
		return &NewerError{Path: path, Version: version, Known: len(schema)}
	}
	if version == len(schema) {
		return nil
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it fails only after Commit
	for i, step := range schema[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("apply migration %d: %w", version+i, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(schema))); err != nil {
		return fmt.Errorf("set schema version: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit migrations: %w", err)
	}
	return nil
}
