package sealed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrDamaged is what each error of a damaged file is, by errors.Is.
var ErrDamaged = errors.New("damaged")

// DamagedError is returned for a file that does not hold what was written to it.
type DamagedError struct {
	Path   string
	Kind   string // what it should hold
	Cause  error
	Remedy string
}

// Error names the file, the damage and the remedy.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s file %q is damaged: %v: %s", e.Kind, e.Path, e.Cause, e.Remedy)
}

// Unwrap gives what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Cause }

// Is reports that it is an ErrDamaged.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// MakeFolder makes a folder that only its owner can read, if it is missing.
func MakeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// temporary is the pattern of what is half written. The dot hides it; the ending
// is no file's of ours.
const temporary = ".*.half-written"

// Write puts v into the file at path, in place of what it held. When Write fails
// the file is as it was, but for one case: if only the folder could not be synced,
// the file holds v and may hold the old again after a crash of the machine.
func (f Format) Write(path string, v any) error {
	data, err := f.Encode(v)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	half, err := os.CreateTemp(folder, temporary) // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Kind, err)
	}
	if err := fill(half, data); err != nil {
		return fmt.Errorf("write %s: %w", f.Kind, errors.Join(err, os.Remove(half.Name())))
	}
	if err := Rename(half.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", f.Kind, errors.Join(err, os.Remove(half.Name())))
	}
	if err := SyncFolder(folder); err != nil {
		return fmt.Errorf("write %s: %w", f.Kind, err)
	}
	return nil
}

// fill writes the file and closes it. Without the sync, a rename can reach the
// disk before the bytes: the file would be there and empty.
func fill(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Read reads the file at path into v, a pointer to a zero value. Errors:
// *DamagedError, and what the file system says, fs.ErrNotExist among it.
func (f Format) Read(path string, v any) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Kind, err)
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(f.Max)+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("read %s: %w", f.Kind, err)
	}
	if err := f.Decode(data, v); err != nil {
		return f.Damaged(path, err)
	}
	return nil
}

// Damaged says that the file at path is not what it should be.
func (f Format) Damaged(path string, cause error) *DamagedError {
	return &DamagedError{Path: path, Kind: f.Kind, Cause: cause, Remedy: f.Remedy}
}

// Remove deletes the file at path, and makes sure that it stays away.
func Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Sweep deletes what Write had half written in a folder when its process was
// killed.
func Sweep(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if half, err := filepath.Match(temporary, e.Name()); err != nil || !half || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
