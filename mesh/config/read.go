package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// irregularFile is the error of what is no regular file. Such a one is not opened: a pipe that
// nobody writes to, or a terminal, would hold up the process for ever.
type irregularFile struct {
	path string
	mode fs.FileMode
}

// Error names the file and says what it is.
func (e irregularFile) Error() string { return e.path + ": " + e.what() }

func (e irregularFile) what() string {
	kind := "something else"
	switch {
	case e.mode.IsDir():
		kind = "a directory"
	case e.mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case e.mode&fs.ModeSocket != 0:
		kind = "a socket"
	case e.mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return "it is " + kind + ", and not a regular file"
}

// readRegular reads a regular file, one byte past the limit if it is longer.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, irregularFile{path, info.Mode()}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}
