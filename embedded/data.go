package main

import (
	"errors"
	"fmt"
	"os"
)

// dataFolder gives the folder of the databases: dir, or a temporary one that remove removes. Call
// remove in any case.
func dataFolder(dir string) (folder string, remove func() error, err error) {
	if dir != "" {
		return dir, func() error { return nil }, nil
	}
	folder, err = os.MkdirTemp("", "leafmesh-data-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for the databases: %w", err)
	}
	return folder, func() error { return os.RemoveAll(folder) }, nil
}

// mustBeEmpty fails if there is anything in a folder: a log cannot be replayed on top of another
// play.
func mustBeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look into the folder of the databases: %w", err)
	case len(entries) > 0:
		return fmt.Errorf("folder %q is not empty (%s): a replay needs databases of its own; name a new folder", dir, entries[0].Name())
	}
	return nil
}
