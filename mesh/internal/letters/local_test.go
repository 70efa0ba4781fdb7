package letters

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
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
	for _, known := range []error{ErrFull, ErrClosed} {
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
		l, err := OpenLocal(path, 4, lost.note)
		if err != nil {
			t.Fatal(err)
		}
		for n := first; n < first+10; n++ {
			l.Keep(localLetter(n))
		}
		l.Close()
		l.Keep(localLetter(100))
		list, err := l.List()
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
	l, err := OpenLocal(t.TempDir(), 100, lost.note)
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
	if got := l.Len() + lost.all["a.b.c count: "+ErrFull.Error()]; got != many || l.Len() == 0 || l.Len() > 100 {
		t.Errorf("%d kept, %v lost, of %d", l.Len(), lost.all, many)
	}
}

// A letter that nobody can find any more makes room as well.
func TestADamagedLocalLetterGoes(t *testing.T) {
	lost := &losses{}
	l, err := OpenLocal(t.TempDir(), 1, lost.note)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Put(localLetter(1)); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.kept[Key(strings.Repeat("0", idDigits)+"-"+strings.Repeat("0", handlerDigits))] = time.Time{} // its file is gone
	l.mu.Unlock()
	l.Keep(localLetter(2))
	l.Close()
	if list, err := l.List(); err != nil || len(list) != 1 || list[0].ID[15] != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNoLocalLetters(t *testing.T) {
	var l *Local
	l.Close()
}
