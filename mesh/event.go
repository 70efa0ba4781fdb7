package mesh

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// Event is an event type: values of T under a subject. Declare it once, as a package variable; it
// belongs to no node and is safe for concurrent use.
type Event[T any] struct {
	declared
	key func(T) string
}

// declared is an event type without its Go type.
type declared struct {
	subject string
	loops   int // how often the type may recur in its own path
	// index is the event's place in every node's table of routes, so that finding a route takes no
	// hash and no lock.
	index int
}

// EventType is a declared event type: an *Event of any T.
type EventType interface {
	// Subject is the type's name.
	Subject() string
}

// EventOption says more about an event type. See [Key] and [AllowLoop].
type EventOption func(*eventSettings)

type eventSettings struct {
	key   any
	loops int
}

// The subjects of the events that every node has.
const (
	deadLetterSubject = "mesh.event.deadlettered"
	alarmSubject      = "mesh.graph.alarmed"
)

var (
	eventCount atomic.Int64
	// declaredSubjects are the subjects of all event types of the program.
	declaredSubjects sync.Map
)

// NewEvent declares values of T as an event type under a subject of the form
// <service>.<noun>.<verb>, "clue.answer.judged": past tense, because an event is a fact. T travels
// as CBOR: give its fields integer keys (`cbor:"1,keyasint"`), so that fields can be added later.
//
// What T may hold is a table in docs/wire.md. A field that is to stay in the process has the tag
// `cbor:"-"`: handlers of other nodes get it as zero.
//
// It panics on a bad subject or option, and on a type that would lose what it holds, as it runs at
// program start.
func NewEvent[T any](subject string, options ...EventOption) *Event[T] {
	if err := wire.CheckType(reflect.TypeFor[T]()); err != nil {
		panic(fmt.Sprintf("mesh.NewEvent: %s can not travel: %v", subject, err))
	}
	d, key := declare(subject, options)
	e := &Event[T]{declared: d}
	if key != nil {
		var ok bool
		if e.key, ok = key.(func(T) string); !ok {
			panic(fmt.Sprintf("mesh.NewEvent: the key function of %s is a %T, want a func(%v) string", subject, key, reflect.TypeFor[T]()))
		}
	}
	return e
}

func declare(subject string, options []EventOption) (d declared, key any) {
	if err := wire.CheckSubject(subject); err != nil {
		panic(fmt.Sprintf("mesh.NewEvent: %v", err))
	}
	var settings eventSettings
	for _, option := range options {
		option(&settings)
	}
	declaredSubjects.Store(subject, true)
	return declared{subject: subject, loops: settings.loops, index: int(eventCount.Add(1) - 1)}, settings.key
}

// isDeclared reports whether the program declares an event type.
func isDeclared(subject string) bool {
	_, declared := declaredSubjects.Load(subject)
	return declared
}

// Key gives an event type its key: the unit of ordering and limiting, and the last token of its
// subject on the wire. The function must be pure and fast. The key of an exported event is valid
// UTF-8 of at most 1024 bytes, or the event is refused.
func Key[T any](key func(T) string) EventOption {
	return func(s *eventSettings) { s.key = key }
}

// AllowLoop declares an intended loop: an event of the type may have up to n others of the same
// type in its own path. Without it the first return is refused, as a loop nobody intended has no
// end.
func AllowLoop(n int) EventOption {
	return func(s *eventSettings) { s.loops = n }
}

// Subject is the type's name.
func (d *declared) Subject() string { return d.subject }

// Export declares that events of this type may leave the node, for [Config].Exports.
func (d *declared) Export(limit config.Limit) config.Export {
	return config.Export{Event: d.subject, Limit: limit}
}

// Import declares that events of this type may enter the node, for [Config].Imports.
func (d *declared) Import(limit config.Limit, delivery config.Delivery) config.Import {
	return config.Import{Event: d.subject, Limit: limit, Delivery: delivery}
}

// allowance is how often the type may recur in its own path.
func (d *declared) allowance() int { return d.loops }

func allowanceOf(e EventType) int {
	if own, ok := e.(interface{ allowance() int }); ok {
		return own.allowance()
	}
	return 0
}

func (e *Event[T]) keyOf(value T) string {
	if e.key == nil {
		return ""
	}
	return e.key(value)
}
