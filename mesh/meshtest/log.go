package meshtest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// testLog is the log of a test, until that ends: package testing panics at what is written later.
type testLog struct {
	mu     sync.Mutex
	output io.Writer    // guarded by mu; nil: the test has ended
	line   bytes.Buffer // guarded by mu: what is being written
}

// loggerOf gives a logger that writes warnings and errors into the test's log, which is shown when
// the test fails.
func loggerOf(t testing.TB) *slog.Logger {
	l := &testLog{output: t.Output()}
	t.Cleanup(l.end)
	return slog.New(&testHandler{slog.NewTextHandler(&l.line, &slog.HandlerOptions{Level: slog.LevelWarn}), l})
}

func (l *testLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.output = nil
}

// testHandler writes a stack below the line that has it, where it can be read.
type testHandler struct {
	slog.Handler // writes into log.line
	log          *testLog
}

// Handle writes one record.
func (h *testHandler) Handle(ctx context.Context, r slog.Record) error {
	line, stack := slog.NewRecord(r.Time, r.Level, r.Message, r.PC), ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "stack" {
			stack = a.Value.String()
		} else {
			line.AddAttrs(a)
		}
		return true
	})
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	if h.log.output == nil {
		return nil
	}
	h.log.line.Reset()
	if err := h.Handler.Handle(ctx, line); err != nil {
		return err
	}
	for frame := range strings.Lines(stack) {
		h.log.line.WriteString("\t" + strings.TrimSuffix(frame, "\n") + "\n")
	}
	_, err := h.log.output.Write(h.log.line.Bytes())
	return err
}

// WithAttrs is a handler into the same log.
func (h *testHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &testHandler{h.Handler.WithAttrs(attrs), h.log}
}

// WithGroup is a handler into the same log.
func (h *testHandler) WithGroup(name string) slog.Handler {
	return &testHandler{h.Handler.WithGroup(name), h.log}
}
