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
	open map[string]chan struct{} // guarded by mu: closed when the mark has passed
}

// passes reports whether a message is a mark.
func (m *marks) passes(message []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	passed, found := m.open[string(message)]
	if found {
		delete(m.open, string(message))
		close(passed)
	}
	return found
}

// Settle waits until all was heard that the importer at the other end said up to now: see
// [Line.Hear]. It is for a link that was closed. Errors: that of ctx, and what nats.go says.
func (l *Line) Settle(ctx context.Context) error {
	mark, passed := rand.Text(), make(chan struct{})
	l.marks.mu.Lock()
	if l.marks.open == nil {
		l.marks.open = map[string]chan struct{}{}
	}
	l.marks.open[mark] = passed
	l.marks.mu.Unlock()
	err := l.Publish(FromReader(l.peer, l.server.Name()), []byte(mark))
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		select {
		case <-passed:
			return nil
		case <-ctx.Done():
			err = cmp.Or(clock.EndOf(ctx), context.DeadlineExceeded)
		}
	}
	l.marks.mu.Lock()
	delete(l.marks.open, mark)
	l.marks.mu.Unlock()
	return fmt.Errorf("settle the line to %s: %w", l.peer, err)
}
