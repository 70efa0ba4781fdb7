package mesh

import (
	"fmt"
	"reflect"
	"sync/atomic"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/registry"
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
	// runtime says that the node itself emits it, whatever service it is of.
	runtime bool
}

// EventType is a declared event type: an *Event of any T, and nothing else.
type EventType interface {
	// Subject is the type's name.
	Subject() string
	// allowance is how often the type may recur in its own path.
	allowance() int
}

// EventOption says more about an event type whose values are T. See [Key] and [AllowLoop].
type EventOption[T any] func(*Event[T])

// The subjects of the events that every node has.
const (
	deadLetterSubject = "mesh.event.deadlettered"
	alarmSubject      = "mesh.graph.alarmed"
)

var eventCount atomic.Int64

// NewEvent declares values of T as an event type under a subject of the form
// <service>.<noun>.<verb>, "clue.answer.judged": past tense, because an event is a fact. T travels
// as CBOR: give its fields integer keys (`cbor:"1,keyasint"`), so that fields can be added later.
//
// What T may hold is a table in docs/wire.md. A field that is to stay in the process has the tag
// `cbor:"-"`: handlers of other nodes get it as zero.
//
// It panics on a bad subject, and on a type that would lose what it holds, as it runs at program
// start.
func NewEvent[T any](subject string, options ...EventOption[T]) *Event[T] {
	if err := wire.CheckType(reflect.TypeFor[T]()); err != nil {
		panic(fmt.Sprintf("mesh.NewEvent: %s cannot travel: %v", subject, err))
	}
	e := &Event[T]{declared: declare(subject)}
	for _, option := range options {
		option(e)
	}
	if e.key == nil {
		registry.Add(subject, nil)
	} else {
		registry.Add(subject, e.keyOfPayload)
	}
	return e
}

func declare(subject string) declared {
	if err := wire.CheckSubject(subject); err != nil {
		panic(fmt.Sprintf("mesh.NewEvent: %v", err))
	}
	return declared{subject: subject, index: newIndex()}
}

func newIndex() int { return int(eventCount.Add(1) - 1) }

// byRuntime is an event type for the node itself to emit. What a service declares under the same
// subject, it can only handle.
func byRuntime[T any](e *Event[T]) *Event[T] {
	own := *e
	own.index, own.runtime = newIndex(), true
	return &own
}

// Key gives an event type its key: the unit of ordering and limiting, and the last token of its
// subject on the wire. The function must be pure and fast. The key of an exported event is valid
// UTF-8 of at most 1024 bytes, or the event is refused.
func Key[T any](key func(T) string) EventOption[T] {
	return func(e *Event[T]) { e.key = key }
}

// AllowLoop declares an intended loop: an event of the type may have up to n others of the same
// type in its own path. Without it the first return is refused, as a loop nobody intended has no
// end.
//
//	var Passed = mesh.NewEvent("clue.token.passed", mesh.AllowLoop[Token](3))
func AllowLoop[T any](n int) EventOption[T] {
	return func(e *Event[T]) { e.loops = n }
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

func (d *declared) allowance() int { return d.loops }

func (e *Event[T]) keyOf(value T) string {
	if e.key == nil {
		return ""
	}
	return e.key(value)
}

// keyOfPayload is keyOf for a value that somebody else encoded.
func (e *Event[T]) keyOfPayload(payload []byte) (key string, err error) {
	defer func() { // the function was not made for whatever a client may send
		if p := recover(); p != nil {
			err = fmt.Errorf("the key function of %s panicked: %v", e.subject, p)
		}
	}()
	var value T
	if err := wire.DecodePayload(payload, &value); err != nil {
		return "", err
	}
	return e.keyOf(value), nil
}
