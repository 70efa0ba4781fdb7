package letters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh/internal/sealed"
	"leafmesh/mesh/internal/wire"
)

// losses counts the letters that were lost, by name.
type losses struct {
	mu  sync.Mutex
	all map[string]int // guarded by mu
}

func (l *losses) note(subject, handler string, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]int{}
	}
	cause := ""
	for _, known := range []error{ErrFull, ErrClosed, ErrNotFound, sealed.ErrDamaged} {
		if errors.Is(why, known) {
			cause = known.Error()
		}
	}
	l.all[subject+" "+handler+": "+cause]++
}

func localLetter(n byte) Letter {
	return Letter{ID: [16]byte{15: n}, Handler: "count", Subject: "a.b.c", At: time.Unix(int64(n), 0), Message: []byte{0x80}}
}

// Past its bound the oldest letters go, each counted by its name, also after the folder was opened
// again; those that are kept are the newest.
func TestTheOldestLocalLettersGo(t *testing.T) {
	path, lost := t.TempDir(), &losses{}
	for first := byte(1); first <= 11; first += 10 {
		l, err := OpenLocal(path, 4, 0, lost.note)
		if err != nil {
			t.Fatal(err)
		}
		for n := first; n < first+10; n++ {
			l.Keep(localLetter(n))
		}
		l.Close()
		l.Keep(localLetter(100))
		list, err := l.folder.List()
		if err != nil || len(list) != 4 {
			t.Fatalf("%d letters, %v", len(list), err)
		}
		for i, s := range list {
			if want := first + 6 + byte(i); s.ID[15] != want {
				t.Errorf("letter %d is of event %d, want %d", i, s.ID[15], want)
			}
		}
	}
	lost.mu.Lock()
	defer lost.mu.Unlock()
	if want := map[string]int{"a.b.c count: " + ErrFull.Error(): 16, "a.b.c count: " + ErrClosed.Error(): 2}; fmt.Sprint(lost.all) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", lost.all, want)
	}
}

// What comes faster than the disk writes is kept or counted, and nobody waits.
func TestManyLocalLetters(t *testing.T) {
	lost := &losses{}
	l, err := OpenLocal(t.TempDir(), 100, 0, lost.note)
	if err != nil {
		t.Fatal(err)
	}
	const many = 3000
	for i := range many {
		letter := localLetter(0)
		letter.ID = [16]byte{1, 14: byte(i >> 8), 15: byte(i)}
		l.Keep(letter)
	}
	l.Close()
	lost.mu.Lock()
	defer lost.mu.Unlock()
	if got := l.folder.Len() + lost.all["a.b.c count: "+ErrFull.Error()]; got != many || l.folder.Len() == 0 || l.folder.Len() > 100 {
		t.Errorf("%d kept, %v lost, of %d", l.folder.Len(), lost.all, many)
	}
}

// A letter that nobody can read any more makes room as what it is, and one whose file was removed
// by hand under its own name.
func TestADamagedLocalLetterGoes(t *testing.T) {
	empty := func(path string) error { return os.WriteFile(path, nil, 0o600) }
	for name, test := range map[string]struct {
		harm  func(path string) error
		looks bool // somebody lists the letters
		anew  bool // the node is started again
		want  string
	}{
		"removed":           {os.Remove, false, false, "a.b.c count: " + ErrNotFound.Error()},
		"damaged":           {empty, true, false, "a.b.c count: " + sealed.ErrDamaged.Error()},
		"damaged, not seen": {empty, false, false, "a.b.c count: " + ErrFull.Error()},
		"damaged before":    {empty, false, true, "(damaged) (damaged): " + sealed.ErrDamaged.Error()},
	} {
		path, lost := t.TempDir(), &losses{}
		l := openLocal(t, path, 1, 0, lost)
		put(t, l.folder, localLetter(1))
		if err := test.harm(l.folder.path(localLetter(1).Key())); err != nil {
			t.Fatal(err)
		}
		if test.looks {
			if _, err := l.folder.List(); !errors.Is(err, sealed.ErrDamaged) {
				t.Errorf("%s: listed: %v", name, err)
			}
		}
		if test.anew {
			l.Close()
			l = openLocal(t, path, 1, 0, lost)
		}
		l.Keep(localLetter(2))
		l.Close()
		if list, err := l.folder.List(); err != nil || len(list) != 1 || list[0].ID[15] != 2 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
		lost.want(t, name, map[string]int{test.want: 1})
	}
}

func openLocal(t *testing.T, path string, max int, maxBytes int64, lost *losses) *Local {
	t.Helper()
	l, err := OpenLocal(path, max, maxBytes, lost.note)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *losses) want(t *testing.T, what string, want map[string]int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !maps.Equal(l.all, want) {
		t.Errorf("%s: lost %v, want %v", what, l.all, want)
	}
}

// A letter whose file cannot be read just now, but was before, keeps its time and its names; one
// that could never be read makes no room, as nobody could tell what is lost.
func TestALocalLetterThatCannotBeReadNow(t *testing.T) {
	for _, known := range []bool{true, false} {
		path, lost := t.TempDir(), &losses{}
		l := openLocal(t, path, 2, 0, lost)
		put(t, l.folder, localLetter(1), localLetter(2))
		file := l.folder.path(localLetter(2).Key())
		// A folder in its place is no damage: the system refuses to read it.
		if err := errors.Join(os.Rename(file, file+" away"), os.Mkdir(file, 0o700)); err != nil {
			t.Fatal(err)
		}
		if known {
			if list, err := l.folder.List(); len(list) != 1 || err == nil || errors.Is(err, sealed.ErrDamaged) {
				t.Errorf("%+v, %v", list, err)
			}
		} else {
			l.Close()
			l = openLocal(t, path, 2, 0, lost)
		}
		if err := errors.Join(os.Remove(file), os.Rename(file+" away", file)); err != nil {
			t.Fatal(err)
		}
		l.Keep(localLetter(3))
		l.Close()
		if list, err := l.folder.List(); err != nil || len(list) != 2 || list[0].ID[15] != 2 || list[1].ID[15] != 3 {
			t.Errorf("known %v: %+v, %v", known, list, err)
		}
		lost.want(t, "known "+fmt.Sprint(known), map[string]int{"a.b.c count: " + ErrFull.Error(): 1})
	}
}

// The folder is bounded by bytes too, also after it was opened again.
func TestBytesOfLocalLetters(t *testing.T) {
	path, lost := t.TempDir(), &losses{}
	const most = 100_000
	for first := byte(1); first <= 11; first += 10 {
		l := openLocal(t, path, 1000, most, lost)
		for n := first; n < first+10; n++ {
			letter := localLetter(n)
			letter.Message = make([]byte, 30_000)
			l.Keep(letter)
		}
		l.Close()
		list, err := l.folder.List()
		if err != nil || len(list) != 3 || list[0].ID[15] != first+7 || list[2].ID[15] != first+9 {
			t.Errorf("%+v, %v", list, err)
		}
		if size := sizeOf(t, path); size > most {
			t.Errorf("%d bytes", size)
		}
	}
	lost.want(t, "of 20", map[string]int{"a.b.c count: " + ErrFull.Error(): 17})
}

func sizeOf(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

// What is in memory is bounded in letters and in bytes, with the one that is being written.
func TestWaitingLocalLetters(t *testing.T) {
	for _, test := range []struct{ bytes, fit int }{{1, maxWaiting}, {1 << 20, maxWaitingBytes >> 20}} {
		lost := &losses{}
		l := openLocal(t, t.TempDir(), 1000, 0, lost)
		l.folder.mu.Lock() // the disk hangs
		letter := localLetter(0)
		letter.Message = make([]byte, test.bytes)
		for i := range maxWaiting + 10 {
			if err := l.Room(); (err == nil) != (i < test.fit) || err != nil && !errors.Is(err, ErrFull) {
				t.Errorf("%d bytes, letter %d: %v", test.bytes, i, err)
			}
			letter.ID = [16]byte{1, 14: byte(i >> 8), 15: byte(i)}
			l.Keep(letter)
		}
		l.folder.mu.Unlock()
		l.Close()
		lost.want(t, fmt.Sprint(test.bytes, " bytes"), map[string]int{"a.b.c count: " + ErrFull.Error(): maxWaiting + 10 - test.fit})
		if got := l.folder.Len(); got != test.fit {
			t.Errorf("%d bytes: %d written, want %d", test.bytes, got, test.fit)
		}
		if err := l.Room(); !errors.Is(err, ErrClosed) {
			t.Errorf("room when it is closed: %v", err)
		}
	}
}

// A letter that is being replayed makes no room for others; when it was handled it is gone, and
// that somebody dropped it meanwhile is no error.
func TestALocalLetterThatIsReplayedStays(t *testing.T) {
	event, err := wire.AppendEvent(nil, &wire.Envelope{ID: wire.ID{1}, Root: wire.ID{1}, Path: [][]byte{[]byte("clue-1:clue.clue.solved")}, Payload: []byte{0}})
	if err != nil {
		t.Fatal(err)
	}
	for _, dropped := range []bool{false, true} {
		lost := &losses{}
		l := openLocal(t, t.TempDir(), 1, 0, lost)
		box, letter := &Box{Local: l}, localLetter(1)
		letter.Message = wire.AppendContainer(nil, event)
		put(t, l.folder, letter)
		key := string(letter.Key())
		err := box.Replay(t.Context(), key, func(_ context.Context, _ *Letter, _ *wire.Envelope, done func(error)) error {
			l.Keep(localLetter(2))
			l.Close()
			l.folder.closed = false // by this goroutine alone now
			if dropped {
				if err := box.Remove(key); err != nil {
					t.Error(err)
				}
			}
			done(nil)
			return nil
		})
		if err != nil || l.folder.Len() != 0 {
			t.Errorf("dropped %v: %v, %d letters", dropped, err, l.folder.Len())
		}
		lost.want(t, "meanwhile", map[string]int{"a.b.c count: " + ErrFull.Error(): 1})
		if err := box.Replay(t.Context(), key, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("replayed once more: %v", err)
		}
	}
}

func TestNoLocalLetters(t *testing.T) {
	var l *Local
	l.Close()
}
