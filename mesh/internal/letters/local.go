package letters

import (
	"errors"
	"slices"
	"sync"

	"leafmesh/mesh/internal/sealed"
)

// Local keeps letters of events that come from no outbox, and so would not come again: it takes
// every letter at once, writes them one after the other, and makes room by dropping the oldest.
// Whoever gives an event up never waits for the disk. Its methods are safe for concurrent use; the
// nil Local keeps nothing.
type Local struct {
	folder *Letters
	lost   func(subject, handler string, why error)

	mu      sync.Mutex
	waiting []Letter // guarded by mu: to be written; the first may be half way
	bytes   int      // guarded by mu: of the events in waiting
	closed  bool     // guarded by mu
	wake    chan struct{}
	done    chan struct{}
}

// What is in memory at most as the disk is slower than events are given up.
const (
	maxWaiting      = 256
	maxWaitingBytes = 8 << 20
)

// OpenLocal opens a folder of at most so many letters and bytes, as [Open] does. lost is told of
// each letter that is not kept any longer, or not at all, and why; its type and handler are
// [Unreadable] if nobody can tell them. It must not call the Local. End it with Close.
func OpenLocal(path string, max int, maxBytes int64, lost func(subject, handler string, why error)) (*Local, error) {
	folder, err := Open(path, max)
	if err != nil {
		return nil, err
	}
	folder.maxBytes = maxBytes
	l := &Local{folder: folder, lost: lost, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.write() // ends with Close
	return l, nil
}

// Room says whether another letter can be kept just now: nil, ErrFull or ErrClosed. To ask first
// spares encoding an event whose letter would be lost.
func (l *Local) Room() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roomLocked(1)
}

func (l *Local) roomLocked(bytes int) error {
	switch {
	case l.closed:
		return ErrClosed
	case len(l.waiting) >= maxWaiting || l.bytes+bytes > maxWaitingBytes:
		return ErrFull
	}
	return nil
}

// Keep keeps a letter, unless it is lost. It never waits.
func (l *Local) Keep(letter Letter) {
	l.mu.Lock()
	err := l.roomLocked(len(letter.Message))
	if err == nil {
		l.waiting = append(l.waiting, letter)
		l.bytes += len(letter.Message)
	}
	l.mu.Unlock()
	if err != nil {
		l.lost(letter.Subject, letter.Handler, err)
		return
	}
	l.call()
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
		letter, more, closed := l.first()
		for ; more; letter, more, closed = l.first() {
			l.put(letter)
			l.written()
		}
		if closed {
			return
		}
	}
}

func (l *Local) first() (letter Letter, more, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return letter, false, l.closed
	}
	return l.waiting[0], true, l.closed
}

// written takes the first letter out of memory.
func (l *Local) written() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= len(l.waiting[0].Message)
	l.waiting = slices.Delete(l.waiting, 0, 1)
}

// put writes a letter. If there is no room the oldest goes.
func (l *Local) put(letter Letter) {
	err := l.folder.Put(letter)
	for errors.Is(err, ErrFull) {
		oldest, failed := l.folder.dropOldest()
		if failed != nil {
			err = failed
			break
		}
		l.lost(oldest.subject, oldest.handler, oldest.err)
		err = l.folder.Put(letter)
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
	l.folder.Close()
}

// dropOldest drops a damaged letter, or else the one that was given up first, and gives what is
// known of it, with why it goes. It leaves those that are being replayed, and those that could not
// be read and may be good: nobody could tell what was lost. ErrFull says that there is no other.
func (l *Letters) dropOldest() (known, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest Key
	for key, k := range l.kept {
		if l.lent[key] || k.err != nil && !errors.Is(k.err, sealed.ErrDamaged) {
			continue
		}
		if oldest == "" || k.at.Before(l.kept[oldest].at) {
			oldest = key
		}
	}
	if oldest == "" {
		return known{}, ErrFull
	}
	gone := l.kept[oldest]
	err := notFound(sealed.Remove(l.path(oldest)))
	switch {
	case errors.Is(err, ErrNotFound): // its file was removed by hand
		gone.err = err
	case err != nil:
		return gone, err
	case gone.err == nil:
		gone.err = ErrFull
	}
	l.forgetLocked(oldest)
	return gone, nil
}
