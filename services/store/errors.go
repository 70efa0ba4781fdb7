package store

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrClosed is returned by Write once Close was called.
var ErrClosed = errors.New("database is closed")

// ErrInUse is returned by Open for a file that is open already.
var ErrInUse = errors.New("the database is in use by another process")

// CorruptError is returned by Open for a file that is no SQLite database, that is damaged or gone,
// or that lacks what it had.
type CorruptError struct {
	Path   string // the file
	Detail string // what was found
	Lost   bool   // the file itself is sound, and may lack what was written last
}

// Error names the file, the damage and the remedy.
func (e *CorruptError) Error() string {
	if e.Lost {
		return fmt.Sprintf("database file %q may lack what was written last (%s): put back the files that it had, "+
			"or a backup of the whole data directory; to go on with what is there, remove %s%s", e.Path, e.Detail, e.Path, madeSuffix)
	}
	return fmt.Sprintf("database file %q is damaged or is no SQLite database (%s): "+
		"put back a backup of the whole data directory, or move the file away together with its -wal, -shm and .made files to start empty",
		e.Path, e.Detail)
}

// NewerError is returned by Open for a file that a newer program has migrated.
type NewerError struct {
	Path    string
	Version int // of the file: how many migrations were applied to it
	Known   int // how many migrations this program has
}

// Error names the file, both versions and the remedy.
func (e *NewerError) Error() string {
	return fmt.Sprintf("database file %q has schema version %d, this program knows %d: run the newer program, or restore an older backup",
		e.Path, e.Version, e.Known)
}

// primaryCode returns SQLite's primary result code of err, 0 when err is not SQLite's.
func primaryCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// spoils reports whether err, met by a statement, may have ended the whole transaction. A failed
// constraint never does, and is the one error that a write function may handle and go on.
func spoils(err error) bool {
	code := primaryCode(err)
	return code != 0 && code != sqlite3.SQLITE_CONSTRAINT
}

// openError turns an error that tells of a damaged file into a CorruptError, and says of a full
// disk that it is one, so that errors.Is finds syscall.ENOSPC. Others it leaves as they are.
func openError(path string, err error) error {
	switch primaryCode(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return &CorruptError{Path: path, Detail: err.Error()}
	}
	if isFull(err) {
		return fmt.Errorf("make room on its disk: %w: %w", syscall.ENOSPC, err)
	}
	return err
}

// isFull reports whether a disk has no room. SQLite says so of the file that it maps into memory as
// of an error of input and output.
func isFull(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (primaryCode(err) == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE)
}
