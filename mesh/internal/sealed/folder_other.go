//go:build !windows

package sealed

import (
	"errors"
	"fmt"
	"os"
)

// Rename gives a file the name of another one, in its place. It outlives a crash of the machine
// once [SyncFolder] has returned.
func Rename(from, to string) error { return os.Rename(from, to) }

// CheckFolder refuses a folder in which every user of the machine can put, replace or remove files.
func CheckFolder(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 {
		return fmt.Errorf("%s has mode %04o: every user of this machine can replace what is in it: chmod o-w %s", path, mode, path)
	}
	return nil
}

// SyncFolder makes what was made, renamed or removed in a folder outlive a crash of the machine.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
