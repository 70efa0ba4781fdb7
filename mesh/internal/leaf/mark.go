package leaf

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"leafmesh/mesh/internal/clock"
)

// marks are messages of this process to itself that pass where a peer is heard. Nobody else knows
// their texts.
type marks struct {
	mu   sync.Mutex
	open map[string]func() // guarded by mu: what is to be called when the mark has passed
}

// passes reports whether a message is a mark.
func (m *marks) passes(message []byte) bool {
	m.mu.Lock()
	passed, found := m.open[string(message)]
	delete(m.open, string(message))
	m.mu.Unlock()
	if found {
		passed()
	}
	return found
}

// AfterHeard calls f once all was heard that the importer at the other end said up to now, where it
// is heard: see [Line.Hear]. What a full subscription or a line that is closed loses may be this,
// too: then f is not called. It does not wait. Errors: what nats.go says.
func (l *Line) AfterHeard(f func()) error {
	_, err := l.mark(f)
	return err
}

// mark sends a mark, and returns what gives it up.
func (l *Line) mark(passed func()) (giveUp func(), err error) {
	mark := rand.Text()
	giveUp = func() {
		l.marks.mu.Lock()
		defer l.marks.mu.Unlock()
		delete(l.marks.open, mark)
	}
	l.marks.mu.Lock()
	if l.marks.open == nil {
		l.marks.open = map[string]func(){}
	}
	l.marks.open[mark] = passed
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
