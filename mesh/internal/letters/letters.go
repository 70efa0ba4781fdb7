package letters

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"leafmesh/mesh/internal/sealed"
)

// Errors of Put, Get and Drop.
var (
	// ErrFull: there are as many letters as may be kept.
	ErrFull = errors.New("no room for another dead letter: replay or drop some")
	// ErrNotFound: no letter has this key.
	ErrNotFound = errors.New("no such dead letter")
	// ErrClosed: the folder may be another process's by now.
	ErrClosed = errors.New("the dead letters are closed")
)

// Letters is a folder of letters. Its methods are safe for concurrent use.
type Letters struct {
	folder string
	max    int

	// mu is held while files are written, too. A letter is rare, and two at a time
	// would not get faster through one disk.
	mu     sync.Mutex
	kept   map[Key]time.Time // guarded by mu: when each was given up; zero for one that cannot be read
	closed bool              // guarded by mu
}

// Open opens the folder of letters at path, and makes it if it is missing. At
// most max letters are kept; a folder that holds more already is opened all the
// same. What a kill left half written is removed. It reads every letter once.
//
// Letters that cannot be read are no error here, because a node must start
// without them. List tells of them.
func Open(path string, max int) (*Letters, error) {
	l := &Letters{folder: path, max: max}
	err := errors.Join(sealed.MakeFolder(path), sealed.Sweep(path))
	if err == nil {
		_, _, err = l.lookLocked() // nobody else has it yet
	}
	if err != nil {
		return nil, fmt.Errorf("open dead letters %q: %w", path, err)
	}
	return l, nil
}

// lookLocked reads the folder: its letters, and what is wrong with those that
// cannot be read. The error is the folder's own.
func (l *Letters) lookLocked() (summaries []Summary, problems []error, err error) {
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return nil, nil, err
	}
	l.kept = make(map[Key]time.Time)
	for _, e := range entries {
		name, isLetter := strings.CutSuffix(e.Name(), ending)
		if !isLetter {
			continue
		}
		key := Key(name)
		letter, err := l.read(key)
		l.kept[key] = letter.At
		if err != nil {
			problems = append(problems, err)
			continue
		}
		summaries = append(summaries, letter.summary())
	}
	return summaries, problems, nil
}

func (l *Letters) path(key Key) string { return filepath.Join(l.folder, string(key)+ending) }

var errName = errors.New("it holds another letter than its name says")

// read reads the letter of a key. A key from outside must be checked before.
func (l *Letters) read(key Key) (Letter, error) {
	var s stored
	if err := format.Read(l.path(key), &s); err != nil {
		return Letter{}, err
	}
	letter, err := s.unpack()
	if err == nil && letter.Key() != key {
		err = errName
	}
	if err != nil {
		return Letter{}, format.Damaged(l.path(key), err)
	}
	return letter, nil
}

// Put keeps a letter. It returns when the letter is on the disk. One with the
// same event and handler is replaced. Errors: ErrFull, ErrClosed, a letter over the limits
// of this package, and what the file system says; the letters kept before are
// then as they were.
func (l *Letters) Put(letter Letter) error {
	s, err := letter.pack()
	if err != nil {
		return fmt.Errorf("put dead letter: %w", err)
	}
	key := letter.Key()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("put dead letter: %w", ErrClosed)
	}
	if _, replaced := l.kept[key]; !replaced && len(l.kept) >= l.max {
		return fmt.Errorf("put dead letter: %w (%d in %q)", ErrFull, len(l.kept), l.folder)
	}
	if err := format.Write(l.path(key), &s); err != nil {
		return fmt.Errorf("put dead letter: %w", err)
	}
	l.kept[key] = letter.At
	return nil
}

// List gives all letters, the longest kept first. The error tells of every file
// that could not be read, most likely as *sealed.DamagedError, joined; the others
// are given nevertheless. It sees what was changed in the folder by hand.
func (l *Letters) List() ([]Summary, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	summaries, problems, err := l.lookLocked()
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	// They came in the order of their keys, which stays among those of one time.
	slices.SortStableFunc(summaries, func(a, b Summary) int { return a.At.Compare(b.At) })
	return summaries, errors.Join(problems...)
}

// Get gives a letter with its event. Errors: ErrNotFound, *sealed.DamagedError.
func (l *Letters) Get(key Key) (Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	letter, err := Letter{}, ErrNotFound
	if key.valid() {
		letter, err = l.read(key)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("get dead letter %.80q: %w", key, notFound(err))
	}
	return letter, nil
}

// Drop deletes a letter for good, also a damaged one. Errors: ErrNotFound, ErrClosed.
func (l *Letters) Drop(key Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := ErrNotFound
	switch {
	case l.closed:
		err = ErrClosed
	case key.valid():
		err = sealed.Remove(l.path(key))
	}
	if err != nil {
		return fmt.Errorf("drop dead letter %.80q: %w", key, notFound(err))
	}
	delete(l.kept, key)
	return nil
}

// Close waits for what is being written. From then on the folder is only read.
func (l *Letters) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// notFound gives the file system's word for it ours.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// Len is how many letters are kept, damaged ones too.
func (l *Letters) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept)
}

// Oldest is when the longest kept letter was given up; the zero time if there is
// none, or none that can be read.
func (l *Letters) Oldest() (oldest time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.kept {
		if !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	return oldest
}
