package journal

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/logs"
)

// Log is a node's log. Each line names the node. Its methods are safe for concurrent use.
type Log struct {
	*slog.Logger
	handler *logs.Handler
	own     bool // nobody else uses the handler
}

// New makes the log of a node. A nil logger discards what is written. Repeats are collapsed, by the
// logger's own [logs.Handler] if it has one.
func New(logger *slog.Logger, node string) *Log {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	handler, shared := logger.Handler().(*logs.Handler)
	if !shared {
		handler = logs.New(logger.Handler(), nil)
	}
	handler = handler.WithAttrs([]slog.Attr{slog.String("node", node)}).(*logs.Handler)
	return &Log{Logger: slog.New(handler), handler: handler, own: !shared}
}

// Close writes what is counted. What comes later is written at once.
func (l *Log) Close() error {
	if !l.own {
		return nil
	}
	return l.handler.Close()
}

// About names an event in a line, with more attributes: all that leads to why it happened, under
// the same names in every line. meshctl why takes the line.
func About(h *cause.Header, more ...any) []any {
	return append([]any{"type", h.Subject(), "event", h.ID, "root", h.Root, "path", h.Lineage(), "key", h.Key}, more...)
}

// WarnAbout writes a warning about one event, which the line names: see [About]. In a storm it
// costs little, as a line that is only counted is not made.
func (l *Log) WarnAbout(h *cause.Header, text string, attrs ...any) {
	l.about(slog.LevelWarn, h, text, attrs)
}

// InfoAbout is WarnAbout for what is no reason to worry.
func (l *Log) InfoAbout(h *cause.Header, text string, attrs ...any) {
	l.about(slog.LevelInfo, h, text, attrs)
}

// ErrorAbout is WarnAbout for what somebody has to mend.
func (l *Log) ErrorAbout(h *cause.Header, text string, attrs ...any) {
	l.about(slog.LevelError, h, text, attrs)
}

func (l *Log) about(level slog.Level, h *cause.Header, text string, attrs []any) {
	ctx := context.Background()
	cause := append(append(make([]any, 0, 16), "type", h.Subject()), attrs...) // it stays on the stack
	if !l.handler.Enabled(ctx, level) || l.handler.Repeats(ctx, level, text, cause...) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(3, caller[:]) // who called WarnAbout: levels are those of packages
	r := slog.NewRecord(time.Now(), level, text, caller[0])
	r.Add(About(h, attrs...)...)
	_ = l.handler.Handle(ctx, r) // as slog.Logger does: who logs cannot be told
}
