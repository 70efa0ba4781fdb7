package sick

import (
	"context"
	"log/slog"
	"sync"
)

// lineCounter is a log that counts the lines about handlers that do not return, and drops all. It
// is not for loggers with attributes of their own.
type lineCounter struct {
	mu    sync.Mutex
	lines map[[2]string]uint64 // guarded by mu: by node and handler
}

// Enabled implements slog.Handler.
func (l *lineCounter) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l *lineCounter) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *lineCounter) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *lineCounter) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "handler has not returned" {
		return nil
	}
	var at [2]string
	r.Attrs(func(attr slog.Attr) bool {
		switch attr.Key {
		case "node":
			at[0] = attr.Value.String()
		case "handler":
			at[1] = attr.Value.String()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == nil {
		l.lines = map[[2]string]uint64{}
	}
	l.lines[at]++
	return nil
}

// about is how many lines there were about a handler.
func (l *lineCounter) about(node, handler string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[[2]string{node, handler}]
}
