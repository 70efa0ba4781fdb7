package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"leafmesh/mesh/internal/sealed"
)

const (
	lockFile    = "lock"
	serviceFile = "service" // whose it is
)

// Errors of Open.
var (
	// ErrInUse: another process has the data directory.
	ErrInUse = errors.New("in use by another process")
	// ErrForeign: the data directory is that of another service.
	ErrForeign = errors.New("of another service")
)

// lock is a data directory that this process has for itself.
type lock struct {
	file *flock.Flock
	made bool // the directory had no owner before
}

// take makes a data directory for a node of a service, if it is missing, and locks it: two nodes
// there would each overwrite what the other keeps. The operating system drops the lock when the
// process ends, however it ends.
func take(data, node, service string) (*lock, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if err := sealed.CheckFolder(data); err != nil {
		return nil, fmt.Errorf("the data directory is not safe: %w", err)
	}
	file := flock.New(filepath.Join(data, lockFile), flock.SetPermissions(0o600))
	locked, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("the data directory %s is %w: node %s may be running already; if it is not, another node has the directory: give each one of its own", data, ErrInUse, node)
	}
	made, err := claim(data, node, service)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &lock{file, made}, nil
}

// release lets others have the directory. The nil lock has none.
func (l *lock) release() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}

// claim keeps nodes of another service from the data directory: they would drop what is kept there,
// as it is of types that they do not export. An instance may take over from another one; who
// imports from it is told. A directory without an owner is a new one.
func claim(data, node, service string) (made bool, err error) {
	path := filepath.Join(data, serviceFile)
	owner, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look whose the data directory is: %w", err)
	}
	switch strings.TrimSpace(string(owner)) {
	case service:
		return false, nil
	case "": // a new one, or the machine crashed while it was written
		if err := os.WriteFile(path, []byte(service+"\n"), 0o600); err != nil {
			return false, fmt.Errorf("note whose the data directory is: %w", err)
		}
		return true, nil
	}
	return false, fmt.Errorf("the data directory %s is %w: it is that of a node of service %.80q: give %s one of its own (or remove %s, if the service was renamed: "+
		"what is kept for others under its old name is then dropped)", data, ErrForeign, strings.TrimSpace(string(owner)), node, path)
}
