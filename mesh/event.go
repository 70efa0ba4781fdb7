package mesh

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/internal/wire"
)

// Event is an event type: values of T under a subject. Declare it once, as a
// package variable; it belongs to no node and is safe for concurrent use.
type Event[T any] struct {
	subject string
	key     func(T) string
	loops   int // how often the type may recur in its own path
	// index is the event's place in every node's table of routes, so that
	// finding a route takes no hash and no lock.
	index   int
	pending sync.Pool // of *pendingEmit[T]
}

// EventOption says more about an event type. See [Key] and [AllowLoop].
type EventOption func(*eventSettings)

type eventSettings struct {
	key   any
	loops int
}

var (
	eventCount atomic.Int64
	// declaredSubjects are the subjects of all event types of the program.
	declaredSubjects sync.Map
)

// NewEvent declares values of T as an event type under a subject of the form
// <service>.<noun>.<verb>, "clue.answer.judged": past tense, because an event
// is a fact. T travels as CBOR: give its fields integer keys
// (`cbor:"1,keyasint"`), so that fields can be added later.
//
// It panics on a bad subject or option, as it runs at program start.
func NewEvent[T any](subject string, options ...EventOption) *Event[T] {
	if err := wire.CheckSubject(subject); err != nil {
		panic(fmt.Sprintf("mesh.NewEvent: %v", err))
	}
	var settings eventSettings
	for _, option := range options {
		option(&settings)
	}
	declaredSubjects.Store(subject, true)
	e := &Event[T]{subject: subject, loops: settings.loops, index: int(eventCount.Add(1) - 1)}
	if settings.key != nil {
		key, ok := settings.key.(func(T) string)
		if !ok {
			panic(fmt.Sprintf("mesh.NewEvent: the key function of %s is a %T, want a func(%v) string",
				subject, settings.key, reflect.TypeFor[T]()))
		}
		e.key = key
	}
	return e
}

// Key gives an event type its key: the unit of ordering and limiting, and the
// last token of its subject on the wire. The function must be pure and fast.
// The key of an exported event is valid UTF-8 of at most 1024 bytes, or the
// event is refused.
func Key[T any](key func(T) string) EventOption {
	return func(s *eventSettings) { s.key = key }
}

// AllowLoop declares an intended loop: an event of the type may have up to n
// others of the same type in its own path. Without it the first return is
// refused, as a loop nobody intended has no end.
func AllowLoop(n int) EventOption {
	return func(s *eventSettings) { s.loops = n }
}

// Subject is the type's name.
func (e *Event[T]) Subject() string { return e.subject }

// Export declares that events of this type may leave the node, for
// [Config].Exports.
func (e *Event[T]) Export(limit Limit) Export { return Export{Event: e.subject, Limit: limit} }

// Import declares that events of this type may enter the node, for
// [Config].Imports.
func (e *Event[T]) Import(limit Limit, delivery Delivery) Import {
	return Import{Event: e.subject, Limit: limit, Delivery: delivery}
}

func (e *Event[T]) keyOf(value T) string {
	if e.key == nil {
		return ""
	}
	return e.key(value)
}
