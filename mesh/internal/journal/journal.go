package journal

import (
	"log/slog"

	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
)

// Log is a node's log. Its methods are safe for concurrent use.
type Log struct {
	*slog.Logger
	node  string
	limit *rate.Limiter
}

// New makes the log of a node. A nil logger discards what is written.
func New(logger *slog.Logger, node string) *Log {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Log{Logger: logger, node: node, limit: rate.NewLimiter(1, 10)}
}

// About names an event in a line, with more attributes: all that leads to why it happened, under the
// same names in every line. meshctl why takes the line.
func About(h *cause.Header, more ...any) []any {
	return append([]any{"type", h.Subject(), "event", h.ID, "root", h.Root, "path", h.Lineage(), "key", h.Key}, more...)
}

// Rarely writes a warning, with the node's name, about what may happen as often as events do: one a
// second, and ten at once. What is left out the counters have.
func (l *Log) Rarely(message string, attrs ...any) {
	if l.limit.Allow() {
		l.Warn(message, append(attrs, "node", l.node)...)
	}
}

// RarelyAbout is Rarely about one event, which the line names: see [About].
func (l *Log) RarelyAbout(h *cause.Header, message string, attrs ...any) {
	if l.limit.Allow() { // before all that costs something
		l.Warn(message, About(h, append(attrs, "node", l.node)...)...)
	}
}
