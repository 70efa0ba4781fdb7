package letters

import (
	"cmp"
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

// Errors of Put, Get and Drop, and of a replay.
var (
	// ErrFull: there are as many letters, or bytes of them, as may be kept.
	ErrFull = errors.New("no room for another dead letter: replay or drop some")
	// ErrNotFound: no letter has this key.
	ErrNotFound = errors.New("no such dead letter")
	// ErrClosed: the folder may be another process's by now.
	ErrClosed = errors.New("the dead letters are closed")
	// ErrInUse: the letter is being replayed.
	ErrInUse = errors.New("mesh: the letter is being replayed")
)

// Letters is a folder of letters. Its methods are safe for concurrent use.
type Letters struct {
	folder   string
	max      int
	maxBytes int64 // of all files together; 0: no bound

	// mu is held while files are written, too. A letter is rare, and two at a time
	// would not get faster through one disk.
	mu     sync.Mutex
	kept   map[Key]known // guarded by mu
	bytes  int64         // guarded by mu: of what is kept
	lent   map[Key]bool  // guarded by mu: those that are being replayed
	closed bool          // guarded by mu
}

// known is what is known of a letter without reading it.
type known struct {
	at               time.Time // when it was given up; zero for one that cannot be read
	subject, handler string
	bytes            int64
	err              error // why it cannot be read
}

// Unreadable stands for the type and the handler of a letter that is damaged.
const Unreadable = "(damaged)"

// Open opens the folder of letters at path, and makes it if it is missing. At
// most max letters are kept; a folder that holds more already is opened all the
// same. What a kill left half written is removed. It reads every letter once.
//
// Letters that cannot be read are no error here, because a node must start
// without them. List tells of them.
func Open(path string, max int) (*Letters, error) {
	l := &Letters{folder: path, max: max, lent: map[Key]bool{}}
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
	before := l.kept
	l.kept, l.bytes = make(map[Key]known), 0
	for _, e := range entries {
		name, isLetter := strings.CutSuffix(e.Name(), ending)
		if !isLetter {
			continue
		}
		key := Key(name)
		letter, err := l.read(key)
		l.keepLocked(key, before[key].after(&letter, e, err))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		summaries = append(summaries, letter.summary())
	}
	return summaries, problems, nil
}

// after is what is known of a letter once its file was read, or was not. Memory or files that are
// short for a moment do not make a letter an unknown one.
func (k known) after(l *Letter, file fs.DirEntry, err error) known {
	switch {
	case err == nil:
		k = known{at: l.At, subject: l.Subject, handler: l.Handler}
	case errors.Is(err, sealed.ErrDamaged):
		k.at, k.err = time.Time{}, err
		k.subject, k.handler = cmp.Or(k.subject, Unreadable), cmp.Or(k.handler, Unreadable)
	case k.at.IsZero():
		k.err = err
	}
	if info, err := file.Info(); err == nil { // else it has just been removed
		k.bytes = info.Size()
	}
	return k
}

func (l *Letters) keepLocked(key Key, k known) {
	l.forgetLocked(key)
	l.kept[key] = k
	l.bytes += k.bytes
}

func (l *Letters) forgetLocked(key Key) {
	l.bytes -= l.kept[key].bytes
	delete(l.kept, key)
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
	k := known{at: letter.At, subject: letter.Subject, handler: letter.Handler, bytes: s.bytes()}
	if was, replaced := l.kept[key]; !replaced && len(l.kept) >= l.max || l.maxBytes > 0 && l.bytes-was.bytes+k.bytes > l.maxBytes {
		return fmt.Errorf("put dead letter: %w (%d letters with %d bytes in %q)", ErrFull, len(l.kept), l.bytes, l.folder)
	}
	if err := format.Write(l.path(key), &s); err != nil {
		return fmt.Errorf("put dead letter: %w", err)
	}
	l.keepLocked(key, k)
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
	return l.getLocked(key)
}

func (l *Letters) getLocked(key Key) (Letter, error) {
	letter, err := Letter{}, ErrNotFound
	if key.valid() {
		letter, err = l.read(key)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("get dead letter %.80q: %w", key, notFound(err))
	}
	return letter, nil
}

// borrow is Get for a replay: nobody else replays the letter, and it does not make room for others,
// until giveBack. It may be dropped all the same. Errors: also ErrInUse.
func (l *Letters) borrow(key Key) (Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lent[key] {
		return Letter{}, ErrInUse
	}
	letter, err := l.getLocked(key)
	if err == nil {
		l.lent[key] = true
	}
	return letter, err
}

func (l *Letters) giveBack(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.lent, key)
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
	l.forgetLocked(key)
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
	for _, k := range l.kept {
		if !k.at.IsZero() && (oldest.IsZero() || k.at.Before(oldest)) {
			oldest = k.at
		}
	}
	return oldest
}
