package journal

import (
	"log/slog"

	"golang.org/x/time/rate"
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

// Rarely writes a warning, with the node's name, about what may happen as often as events do: one a
// second, and ten at once. What is left out the counters have.
func (l *Log) Rarely(message string, attrs ...any) {
	if l.limit.Allow() {
		l.Warn(message, append(attrs, "node", l.node)...)
	}
}
