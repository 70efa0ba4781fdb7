//go:build !windows

package sealed

import (
	"errors"
	"os"
)

// Rename gives a file the name of another one, in its place. It outlives a crash of the machine
// once [SyncFolder] has returned.
func Rename(from, to string) error { return os.Rename(from, to) }

// SyncFolder makes what was made, renamed or removed in a folder outlive a crash of the machine.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
