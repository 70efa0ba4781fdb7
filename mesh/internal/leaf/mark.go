package leaf

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"

	"leafmesh/mesh/internal/clock"
)

// marks are messages of this process to itself that pass where a peer is heard. Each begins with a
// secret that nobody else knows, so that one that was given up is not taken for the peer's either.
type marks struct {
	mu     sync.Mutex
	secret string            // guarded by mu; "": there was no mark yet
	made   int               // guarded by mu: how many there were
	open   map[string]func() // guarded by mu: what is to be called when the mark has passed
	last   func()            // guarded by mu: gives up the last one of AfterHeard; nil: there is none
}

// passes reports whether a message is a mark.
func (m *marks) passes(message []byte) bool {
	m.mu.Lock()
	isMark := m.secret != "" && bytes.HasPrefix(message, []byte(m.secret))
	passed := m.open[string(message)]
	delete(m.open, string(message))
	m.mu.Unlock()
	if passed != nil {
		passed()
	}
	return isMark
}

// AfterHeard calls f once all was heard that the importer at the other end said up to now, where it
// is heard: see [Line.Hear]. What a full subscription or a line that is closed loses may be this,
// too: then f is not called, nor if AfterHeard is called again before. It does not wait. Errors:
// what nats.go says.
func (l *Line) AfterHeard(f func()) error {
	giveUp, err := l.mark(f)
	if err != nil {
		return err
	}
	l.marks.mu.Lock()
	former := l.marks.last
	l.marks.last = giveUp
	l.marks.mu.Unlock()
	if former != nil {
		former() // or those that are lost would gather
	}
	return nil
}

// mark sends a mark, and returns what gives it up.
func (l *Line) mark(passed func()) (giveUp func(), err error) {
	l.marks.mu.Lock()
	if l.marks.secret == "" {
		l.marks.secret, l.marks.open = rand.Text(), map[string]func(){}
	}
	l.marks.made++
	mark := l.marks.secret + strconv.Itoa(l.marks.made)
	l.marks.open[mark] = passed
	giveUp = func() {
		l.marks.mu.Lock()
		defer l.marks.mu.Unlock()
		delete(l.marks.open, mark)
	}
	l.marks.mu.Unlock()
	if err = l.Publish(FromReader(l.peer, l.server.Name()), []byte(mark)); err != nil {
		giveUp()
		return nil, fmt.Errorf("mark what was heard of %s: %w", l.peer, err)
	}
	return giveUp, nil
}

// Settle waits until all was heard that the importer at the other end said up to now: see
// [Line.Hear]. It is for a link that was closed. Errors: that of ctx, and what nats.go says.
func (l *Line) Settle(ctx context.Context) error {
	heard := make(chan struct{})
	giveUp, err := l.mark(func() { close(heard) })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	select {
	case <-heard:
		return nil
	case <-ctx.Done():
		giveUp()
		return fmt.Errorf("settle the line to %s: %w", l.peer, cmp.Or(clock.EndOf(ctx), context.DeadlineExceeded))
	}
}
