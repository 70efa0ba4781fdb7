package outbox

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/journal"
)

// Stream is the name of the outbox's stream.
const Stream = "OUTBOX"

const (
	// DefaultMaxBytes is the MaxBytes of a Config that gives none: 1 GiB.
	DefaultMaxBytes = 1 << 30
	// DefaultDuplicates is the Duplicates of a Config that gives none.
	DefaultDuplicates = 2 * time.Minute
)

const (
	// interval is the time between two looks at the stream.
	interval = time.Second
	// answerTimeout is how long Store's answer may take. A synced write to a slow
	// disk takes 50 ms.
	answerTimeout = 5 * time.Second
)

// Config says what an outbox keeps, for whom and how much of it.
type Config struct {
	// Node is the name of the node, for errors and the log.
	Node string
	// Dir is the directory that the server of the connection has its outbox in.
	Dir string
	// Types are the durable exports.
	Types []Type
	// Send publishes a message to a reader, on a subject that it alone hears. It may be called by
	// several goroutines at once, for different readers. Needed.
	Send func(reader string, message []byte) error
	// Shorten appends to dst the short form of an event for a reader: see wire.AppendShort. It is
	// not ok if the reader gets the event as it is. It may be called by several goroutines at once.
	// Nil: it never is.
	Shorten func(reader string, dst, event []byte) (appended []byte, ok bool)
	// HasRoom reports whether a reader is near enough to having what Send was given for it that it
	// may be sent more, whatever it says itself. It may be called as Send. Nil: it always has.
	HasRoom func(reader string) bool
	// Service is the service of a reader, "" for somebody who may read nothing. Needed.
	Service func(reader string) string
	// MaxPayload is the largest message that Send takes, in bytes. Needed.
	MaxPayload int
	// Clock is the node's. Nil: one of its own.
	Clock *clock.Clock
	// MaxBytes bounds the messages in the stream, with their headers and some 40
	// bytes for each. 0 means DefaultMaxBytes.
	MaxBytes int64
	// MaxMessages bounds the number of events in the stream. 0: no bound.
	MaxMessages int64
	// MaxAge refuses new messages while the oldest that somebody has to take yet is
	// older. Nothing is dropped for its age. 0: no bound.
	MaxAge time.Duration
	// Duplicates is how long a second event of the same id is recognized, as long as no more than
	// 262,144 were stored since; also over a restart, unless the stream was more than half full in
	// the meantime. 0 means DefaultDuplicates.
	Duplicates time.Duration
	// SyncInterval is that of the server, 0 if it syncs always. A message counts as
	// being on the disk two intervals after it was stored.
	SyncInterval time.Duration
	// Reset makes the server close its files and read them anew: ResetOutbox of a
	// leaf.Server. It is called after a write that failed. Needed.
	Reset func() error
	// Lost is told of messages that are given up for a service, and why. Nil: nobody is.
	Lost func(subject, service string, why Loss, messages uint64)
	// FirstStart says that the directory in which Dir lies is new, so that nothing can be missing
	// there.
	FirstStart bool
	// Log gets what an operator should know. Nil discards it.
	Log *journal.Log

	tuning tuning
}

// tuning holds what only tests change.
type tuning struct {
	interval      time.Duration
	answerTimeout time.Duration
	patience      time.Duration
	tail          int // bytes
}

// Type is a durable export.
type Type struct {
	// Subject is the type's, such as clue.clue.solved: three or more words of
	// A-Z a-z 0-9 - _, separated by dots. Its messages have the key as one more.
	Subject string
	// Services are those that it is kept for until they have taken it; a service
	// that never asked for it has not taken it. At least one, or Drop names some. The name of an
	// instance keeps it for that instance alone.
	Services []string
	// Drop are those that it is not kept for any more, and for which what waits may be lost. Open
	// returns a *WaitingError for others that are not named any more.
	Drop []string
	// Bounds are those of services that have one of their own.
	Bounds map[string]Bound
}

// wire is the subject of all its messages.
func (t Type) wire() string { return t.Subject + ".*" }

// names reports whether a type is kept for a service.
func (c Config) names(subject, service string) bool {
	return slices.ContainsFunc(c.Types, func(t Type) bool { return t.Subject == subject && slices.Contains(t.Services, service) })
}

// drops reports whether what waits of a type for a service may be lost.
func (c Config) drops(subject, service string) bool {
	return slices.ContainsFunc(c.Types, func(t Type) bool { return t.Subject == subject && slices.Contains(t.Drop, service) })
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Duplicates == 0 {
		c.Duplicates = DefaultDuplicates
	}
	if c.Log == nil {
		c.Log = journal.New(nil, c.Node)
	}
	if c.Lost == nil {
		c.Lost = func(string, string, Loss, uint64) {}
	}
	if c.HasRoom == nil {
		c.HasRoom = func(string) bool { return true }
	}
	if c.Clock == nil {
		c.Clock = clock.New(nil)
	}
	t := &c.tuning
	if t.interval == 0 {
		t.interval = interval
	}
	if t.answerTimeout == 0 {
		t.answerTimeout = answerTimeout
	}
	if t.tail == 0 {
		t.tail = maxTail
	}
	return c
}

var (
	validSubject = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	validService = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

func (c Config) validate() error {
	var problems []error
	problem := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if c.Dir == "" {
		problem("no directory")
	}
	if c.Reset == nil {
		problem("no way to reset the server's files")
	}
	if c.Send == nil || c.Service == nil {
		problem("no way to send to readers, or to know their services")
	}
	if c.MaxPayload < leastPayload {
		problem("max payload %d: want %d or more", c.MaxPayload, leastPayload)
	}
	if len(c.Types) == 0 {
		problem("no types: a node without durable exports has no outbox")
	}
	if c.MaxBytes < 0 || c.MaxMessages < 0 || c.MaxAge < 0 || c.Duplicates < 0 || c.SyncInterval < 0 {
		problem("a bound or time is negative")
	}
	if c.Duplicates != 0 && c.Duplicates < 100*time.Millisecond {
		problem("duplicates %v: want 100ms or more", c.Duplicates)
	}
	if c.MaxAge != 0 && c.MaxAge <= c.Duplicates {
		problem("max age %v: want more than duplicates, %v", c.MaxAge, c.Duplicates)
	}
	for i, t := range c.Types {
		if !validSubject.MatchString(t.Subject) {
			problem("type %q: want words of A-Z a-z 0-9 - _, separated by dots", t.Subject)
		}
		if slices.ContainsFunc(c.Types[:i], func(other Type) bool { return other.Subject == t.Subject }) {
			problem("type %s: is named twice", t.Subject)
		}
		named := slices.Concat(t.Services, t.Drop)
		if len(named) == 0 {
			problem("type %s: names no service to keep it for", t.Subject)
		}
		for i, service := range named {
			if !validService.MatchString(service) || slices.Contains(named[:i], service) {
				problem("type %s: service %q: want a name of A-Z a-z 0-9 - _, once", t.Subject, service)
			}
		}
	}
	return errors.Join(problems...)
}
