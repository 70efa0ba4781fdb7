package logs

import (
	"context"
	"errors"
	"log/slog"
	"math"
)

// All is a level that lets every record pass. Give it to the handler that writes, so that only
// [Levels] decide.
const All = slog.Level(math.MinInt)

// Handler passes records on to another handler, and collapses repeats. It writes the first record
// of a cause at once. It counts those that follow, and writes one summary of them every 30 s: the
// first of them, with the attributes times (how many there were), since (when that first one came)
// and within (in which time). The cause of a record is its level, its message, its attributes node,
// peer, direction, type, handler, place, rule and service, and the words of its attribute error; or
// what [WithCause] says. So two handlers that fail are two causes, and so are two errors of one
// handler. Two events at which a handler fails with the same error are one cause: names, numbers
// and what is quoted do not count among the words.
//
// Guarantees:
//
//   - In no second are there more than ten lines. What comes beyond is counted, and written as soon
//     as there is room, errors first.
//   - No record is dropped: each is written, or counted in a summary.
//   - Some 500 causes are remembered at most, whatever messages there are, with one record each.
//     The records of further ones are counted by their message, and if there are too many of these,
//     together. Errors have half of the room for themselves. Of causes that differ in their error
//     alone eight are remembered, and the summary of the others has the attribute errors.
//
// What is less grave than slog.LevelInfo is for whoever looks for something, and is neither
// collapsed nor counted. Make a Handler with [New]. Its methods are safe for concurrent use.
type Handler struct {
	next   slog.Handler
	levels *Levels // nil: the next handler alone decides
	book   *book   // shared with all handlers made of this one
	cause  causeOf // what the attributes of With say of the cause
}

// New makes a handler before another one. With nil levels the next handler alone decides what is
// written. Close it to write what it has counted.
func New(next slog.Handler, levels *Levels) *Handler {
	return &Handler{next: next, levels: levels, book: newBook()}
}

// Close writes what is counted. What comes later is written at once.
func (h *Handler) Close() error {
	var errs []error
	for _, l := range h.book.end() {
		errs = append(errs, l.write())
	}
	return errors.Join(errs...)
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return (h.levels == nil || h.levels.mayWrite(level)) && h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	made := *h
	for _, a := range attrs {
		made.cause.addAttr(a)
	}
	made.next = h.next.WithAttrs(attrs)
	return &made
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	made := *h
	made.cause.group(name)
	made.next = h.next.WithGroup(name)
	return &made
}

// Handle implements slog.Handler. The error is that of the next handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	switch {
	case h.levels != nil && !h.levels.writes(r.Level, r.PC):
		return nil
	case r.Level < slog.LevelInfo || ctx.Value(eachKey{}) != nil:
		return h.next.Handle(ctx, r)
	}
	cause := h.causeOf(ctx, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		cause.addAttr(a)
		return true
	})
	c, does := h.book.note(cause, r)
	switch does {
	case passes:
		return h.next.Handle(ctx, r)
	case isKept: // outside of the book's lock: attributes may have methods that log
		h.book.keep(c, h.hold(r))
	}
	return nil
}

// hold gives the next handler the attributes of a record now, as what they point to may change.
func (h *Handler) hold(r slog.Record) slog.Handler {
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	return h.next.WithAttrs(attrs)
}

// Repeats counts a record with these attributes, as for slog.Logger.Log, and returns true, if it
// would only be counted: its cause was written just now. Whoever has costly attributes asks before
// it makes them; only those that say the cause are needed.
func (h *Handler) Repeats(ctx context.Context, level slog.Level, message string, args ...any) bool {
	if level < slog.LevelInfo {
		return false
	}
	cause := h.causeOf(ctx, level, message)
	for len(args) > 0 {
		switch first := args[0].(type) {
		case slog.Attr:
			cause.addAttr(first)
			args = args[1:]
		case string:
			if len(args) > 1 && cause.needs(first) {
				cause.add(first, textOf(args[1]))
			}
			args = args[min(2, len(args)):]
		default:
			args = args[1:]
		}
	}
	return h.book.repeats(cause)
}

type eachKey struct{}

// Each lets all records with the context be written at once, as nobody else remembers what they
// say: who changed what. Whoever gives it bounds how many there are.
func Each(ctx context.Context) context.Context { return context.WithValue(ctx, eachKey{}, true) }

type causeKey struct{}

// WithCause lets all records with the context, of one level and the same attributes that say the
// cause, be repeats of each other, whatever their messages are: for messages with names that
// strangers make up.
func WithCause(ctx context.Context, cause string) context.Context {
	return context.WithValue(ctx, causeKey{}, cause)
}
