package bookmark

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/internal/wire"
)

// maxMarks bounds the places that are remembered: peers times imported types.
const maxMarks = 10_000

// maxStreamBytes bounds the identity of a stream.
const maxStreamBytes = 256

var format = sealed.Format{
	Kind: "bookmark", Version: 1, Max: 8 << 20,
	Remedy: "restore it from a backup, or move it away; then a peer that was wiped, renamed or restored meanwhile is not noticed",
}

// stored is one mark as the file holds it.
type stored struct {
	Peer     string `cbor:"1,keyasint"`
	Subject  string `cbor:"2,keyasint"`
	Stream   string `cbor:"3,keyasint"`
	Sequence uint64 `cbor:"4,keyasint"`
}

// Load reads the marks in the file at path. A file that is missing holds none.
// Error: *sealed.DamagedError, with the file and the remedy.
func Load(path string) (Marks, error) {
	var list []stored
	err := format.Read(path, &list)
	if errors.Is(err, fs.ErrNotExist) {
		return Marks{}, nil
	}
	if err != nil {
		return nil, err
	}
	marks := make(Marks, len(list))
	for _, s := range list {
		marks[Place{s.Peer, s.Subject}] = Mark{s.Stream, s.Sequence}
	}
	if err := marks.check(); err != nil {
		return nil, format.Damaged(path, err)
	}
	if len(marks) != len(list) {
		return nil, format.Damaged(path, errors.New("it marks a place twice"))
	}
	return marks, nil
}

// Save puts the marks into the file at path, in place of what it held, and makes
// its folder if that is missing. It waits for the disk: call it at most once a
// second, and not in a handler. When it fails the file is as it was.
func (m Marks) Save(path string) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("write bookmark: %w", err)
	}
	list := make([]stored, 0, len(m))
	for place, mark := range m {
		list = append(list, stored{place.Peer, place.Subject, mark.Stream, mark.Sequence})
	}
	slices.SortFunc(list, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Subject, b.Subject))
	})
	if err := sealed.MakeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write bookmark: %w", err)
	}
	return format.Write(path, list)
}

// check reports what cannot be in the file. Writing and reading share it.
func (m Marks) check() error {
	if len(m) > maxMarks {
		return fmt.Errorf("%d marks are more than %d", len(m), maxMarks)
	}
	for place, mark := range m {
		if len(place.Peer) > wire.MaxNodeBytes || len(place.Subject) > wire.MaxSubjectBytes ||
			mark.Stream == "" || len(mark.Stream) > maxStreamBytes || !utf8.ValidString(place.Peer+place.Subject+mark.Stream) {
			return fmt.Errorf("the mark of %.80q at %.80q is not valid: %.80q", place.Subject, place.Peer, mark.Stream)
		}
	}
	return nil
}
