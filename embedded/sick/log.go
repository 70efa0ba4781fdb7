package sick

import (
	"context"
	"log/slog"
	"sync"
)

// lineCounter counts the lines about handlers that do not return.
type lineCounter struct {
	mu    sync.Mutex
	lines map[counted]uint64 // guarded by mu
}

// counted is what lines are about.
type counted struct{ node, handler string }

func (c *counted) take(a slog.Attr) {
	switch a.Key {
	case "node":
		c.node = a.Value.String()
	case "handler":
		c.handler = a.Value.String()
	}
}

// logger makes a log that drops all lines.
func (l *lineCounter) logger() *slog.Logger { return slog.New(lineHandler{counter: l}) }

// lineHandler has what the attributes so far say.
type lineHandler struct {
	counter *lineCounter
	about   counted
}

// Enabled implements slog.Handler.
func (h lineHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.about.take(a)
	}
	return h
}

// WithGroup implements slog.Handler.
func (h lineHandler) WithGroup(string) slog.Handler { return h }

// Handle implements slog.Handler.
func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "handler has not returned" {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		h.about.take(a)
		return true
	})
	h.counter.mu.Lock()
	defer h.counter.mu.Unlock()
	if h.counter.lines == nil {
		h.counter.lines = map[counted]uint64{}
	}
	h.counter.lines[h.about]++
	return nil
}

// about is how many lines there were about a handler.
func (l *lineCounter) about(node, handler string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[counted{node, handler}]
}
