package journal

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
)

// Log is a node's log. Its methods are safe for concurrent use.
type Log struct {
	*slog.Logger
	node     string
	all      *rate.Limiter
	messages sync.Map // *message by its text: those of the program, so there are few
}

// message is what lines of one kind have in common.
type message struct {
	limit *rate.Limiter
	left  atomic.Uint64 // since the last line
}

// So many lines a second are written, and so many at once: of one message, and of all.
const (
	messageRate, messageBurst = rate.Limit(1), 5
	allRate, allBurst         = rate.Limit(8), 20
)

// New makes the log of a node. A nil logger discards what is written.
func New(logger *slog.Logger, node string) *Log {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Log{Logger: logger, node: node, all: rate.NewLimiter(allRate, allBurst)}
}

// About names an event in a line, with more attributes: all that leads to why it happened, under
// the same names in every line. meshctl why takes the line.
func About(h *cause.Header, more ...any) []any {
	return append([]any{"type", h.Subject(), "event", h.ID, "root", h.Root, "path", h.Lineage(), "key", h.Key}, more...)
}

// Rarely writes a warning, with the node's name, about what may happen as often as events do. Of each
// message one line a second is written, and five at once, so that a storm of one hides no other; of
// all together eight a second. The next line of a message counts those that were left out.
func (l *Log) Rarely(text string, attrs ...any) {
	if left, write := l.next(text); write {
		l.write(text, left, attrs)
	}
}

// RarelyAbout is Rarely about one event, which the line names: see [About].
func (l *Log) RarelyAbout(h *cause.Header, text string, attrs ...any) {
	if left, write := l.next(text); write { // before all that costs something
		l.write(text, left, About(h, attrs...))
	}
}

// next reports whether a line is to be written, and how many were left out before it.
func (l *Log) next(text string) (left uint64, write bool) {
	known, found := l.messages.Load(text)
	if !found {
		known, _ = l.messages.LoadOrStore(text, &message{limit: rate.NewLimiter(messageRate, messageBurst)})
	}
	m := known.(*message)
	if !m.limit.Allow() || !l.all.Allow() {
		m.left.Add(1)
		return 0, false
	}
	return m.left.Swap(0), true
}

func (l *Log) write(text string, left uint64, attrs []any) {
	attrs = append(attrs, "node", l.node)
	if left > 0 {
		attrs = append(attrs, "left_out", left)
	}
	l.Warn(text, attrs...)
}
