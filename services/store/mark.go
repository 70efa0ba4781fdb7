package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// madeSuffix names the file beside a database that says that it was made, and how it was left.
const madeSuffix = ".made"

// mark is what that file says. SQLite takes a database whose -wal file is missing, cut or damaged
// for one that ends earlier, in silence; the mark tells the two apart.
type mark struct {
	// Open: a process has the database open, or did not close it. All it wrote may be in the -wal
	// file alone.
	Open bool
	// Checkpoint is the number of the last checkpoint that Open made. The database file itself has
	// that number, or a newer one, whatever became of the -wal file: a power cut takes nothing that
	// a checkpoint has synced.
	Checkpoint uint64
	// Boot is the start of the machine in which the database was opened. While it lasts what was
	// written to a file is there; a power cut may take the end of a -wal file. "": not known.
	Boot string
}

const (
	markOpen   = "open"
	markClosed = "closed"
	unknown    = "unknown"
)

// readMark returns nil if there is none. A database that a former version made has an empty one.
func readMark(path string) (*mark, error) {
	text, err := os.ReadFile(path + madeSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return &mark{}, nil
	}
	var m mark
	var state string
	_, err = fmt.Sscanf(string(text), "%s checkpoint %d boot %s", &state, &m.Checkpoint, &m.Boot)
	if err != nil || state != markOpen && state != markClosed || m.Checkpoint == 0 {
		return nil, &CorruptError{Path: path, Detail: "its .made file is damaged", Lost: true}
	}
	m.Open = state == markOpen
	if m.Boot == unknown {
		m.Boot = ""
	}
	return &m, nil
}

// write writes the mark over the one that is there, at the same length: that takes no room, so a
// full disk does not stop it. It is short enough for one sector, which a power cut leaves whole.
func (m mark) write(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write down how the database is left: %w", err)
		}
	}()
	file, err := os.OpenFile(path+madeSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	state, boot := markClosed, m.Boot
	if m.Open {
		state = markOpen
	}
	if boot == "" {
		boot = unknown
	}
	_, err = file.WriteAt(fmt.Appendf(nil, "%-6s checkpoint %20d boot %-40s\n", state, m.Checkpoint, boot), 0)
	return errors.Join(err, file.Sync(), file.Close())
}

// thisBoot is the start of the machine; "" where the system does not name it.
func thisBoot() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
