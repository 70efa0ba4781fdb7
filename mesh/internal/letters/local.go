package letters

import (
	"errors"
	"io/fs"
	"sync"

	"leafmesh/mesh/internal/sealed"
)

// Local keeps letters of events that come from no outbox, and so would not come again: it takes every
// letter at once, writes them one after the other, and makes room by dropping the oldest. Whoever
// gives an event up never waits for the disk. Its methods are safe for concurrent use; the nil Local
// keeps nothing.
type Local struct {
	*Letters
	lost func(subject, handler string, why error)

	mu      sync.Mutex
	waiting []Letter // guarded by mu: to be written
	closed  bool     // guarded by mu
	wake    chan struct{}
	done    chan struct{}
}

// maxWaiting bounds the letters that are in memory as the disk is slower than events are given up.
const maxWaiting = 256

// OpenLocal opens a folder of at most max letters, as [Open] does. lost is told of each letter that is
// not kept any longer, or not at all, and why; it must not call the Local. End it with Close.
func OpenLocal(path string, max int, lost func(subject, handler string, why error)) (*Local, error) {
	folder, err := Open(path, max)
	if err != nil {
		return nil, err
	}
	l := &Local{Letters: folder, lost: lost, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.write() // ends with Close
	return l, nil
}

// Keep keeps a letter, unless it is lost. It never waits.
func (l *Local) Keep(letter Letter) {
	l.mu.Lock()
	closed := l.closed
	full := len(l.waiting) >= maxWaiting
	if !closed && !full {
		l.waiting = append(l.waiting, letter)
	}
	l.mu.Unlock()
	switch {
	case closed:
		l.lost(letter.Subject, letter.Handler, ErrClosed)
	case full:
		l.lost(letter.Subject, letter.Handler, ErrFull)
	default:
		l.call()
	}
}

func (l *Local) call() {
	select {
	case l.wake <- struct{}{}:
	default: // it is called already
	}
}

// write writes letters until Close.
func (l *Local) write() {
	defer close(l.done)
	for range l.wake {
		for {
			letters, closed := l.take()
			for _, letter := range letters {
				l.put(letter)
			}
			if len(letters) == 0 && closed {
				return
			}
			if len(letters) == 0 {
				break
			}
		}
	}
}

func (l *Local) take() (letters []Letter, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	letters, l.waiting = l.waiting, nil
	return letters, l.closed
}

// put writes a letter. If there is no room the oldest goes.
func (l *Local) put(letter Letter) {
	err := l.Put(letter)
	for errors.Is(err, ErrFull) {
		oldest, failed := l.dropOldest()
		if failed != nil {
			err = failed
			break
		}
		l.lost(oldest.Subject, oldest.Handler, ErrFull)
		err = l.Put(letter)
	}
	if err != nil {
		l.lost(letter.Subject, letter.Handler, err)
	}
}

// Close writes what is still to be written. From then on the folder is only read.
func (l *Local) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.call()
	<-l.done
	l.Letters.Close()
}

// dropOldest drops the letter that was given up first, and gives what is known of it.
func (l *Letters) dropOldest() (Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest Key
	for key, at := range l.kept {
		if oldest == "" || at.Before(l.kept[oldest]) {
			oldest = key
		}
	}
	letter, _ := l.read(oldest) // one that can not be read goes too
	if err := sealed.Remove(l.path(oldest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return letter, err
	}
	delete(l.kept, oldest)
	return letter, nil
}
