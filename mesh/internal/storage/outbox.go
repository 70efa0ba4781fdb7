package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"leafmesh/mesh/internal/sealed"
)

// outboxFile says, beside the directory of an outbox, that there is one.
const outboxFile = "outbox.made"

// checkOutbox refuses to begin an empty outbox where there was one: what it kept for others would
// be lost in silence. If all of the data directory is gone nothing tells of it here; the readers of
// the outbox do.
func checkOutbox(data, outbox string) error {
	switch _, err := os.Stat(outbox); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for the outbox: %w", err)
	}
	switch _, err := os.Stat(filepath.Join(data, outboxFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for the outbox: %w", err)
	}
	return fmt.Errorf("%w: the outbox %s is gone, and %s says that there was one: put it back from a copy, or make an empty directory there "+
		"to accept that what it kept for others is lost", sealed.ErrDamaged, outbox, filepath.Join(data, outboxFile))
}

// IsNew reports whether Open made the data directory, or found it empty.
func (s *Storage) IsNew() bool { return s.lock != nil && s.lock.made }

// OutboxMade notes that a node has an outbox, once it is open.
func (s *Storage) OutboxMade(data string) error {
	file, err := os.OpenFile(filepath.Join(data, outboxFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note that there is an outbox: %w", err)
	}
	return file.Close()
}
