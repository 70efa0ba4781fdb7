package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"leafmesh/mesh/internal/sealed"
)

// markName is the file, beside JetStream's, that tells at the next start whether
// the stream is what it was.
const markName = "outbox.mark"

// mark is what is known to be on the disk.
type mark struct {
	// Identity is the stream's.
	Identity string `json:"identity"`
	// Making: the stream is about to be made, and may not be there yet.
	Making bool `json:"making,omitempty"`
	// Last is a sequence that the stream had reached.
	Last uint64 `json:"last"`
	// Removed is how many of the messages up to the stream's last one had been
	// removed: the last sequence less the messages there.
	Removed uint64 `json:"removed"`
	// Removing: messages up to RemovedTo were about to be removed, so that there
	// may be less of them.
	Removing bool `json:"removing,omitempty"`
	// RemovedTo is the highest sequence that was removed, or was to be.
	RemovedTo uint64 `json:"removed_to"`
}

// readMark reads the file; nil if there is none.
func readMark(dir string) (*mark, error) {
	path := filepath.Join(dir, markName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	m, err := decodeMark(text)
	if err != nil {
		return nil, &DamagedError{Dir: dir, File: path, Problem: err.Error(), Accept: path}
	}
	return m, nil
}

// The file is a line of JSON and a line with its checksum.
func encodeMark(m mark) ([]byte, error) {
	line, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s\n%08x\n", line, crc32.ChecksumIEEE(line)), nil
}

func decodeMark(text []byte) (*mark, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var m mark
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("is not readable: %w", err)
	}
	if again, err := encodeMark(m); err != nil || !bytes.Equal(again, text) {
		return nil, errors.New("is not as it was written: its checksum does not match")
	}
	return &m, nil
}

// writeMark replaces the file at once: a kill at any moment leaves the old one or
// the new one.
func writeMark(dir string, m mark) error {
	text, err := encodeMark(m)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, markName)
	if err := writeSynced(path+".new", text); err != nil {
		return err
	}
	if err := sealed.Rename(path+".new", path); err != nil {
		return err
	}
	return sealed.SyncFolder(dir)
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}
