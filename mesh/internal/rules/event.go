package rules

import (
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/steps"
)

// Event is what rules ask of an event.
type Event struct {
	Key  string
	Path *cause.Path // its own
	// Handled events are emitted by a handler.
	Handled bool
	// Promised events are relied on: staged in a transaction, or durable. What would drop or
	// replace one refuses it.
	Promised bool
	// KeptBy is the rule that has kept the event until now; nil: none.
	KeptBy *Rule
	// BeforeWait is called before the event waits, for a rule by rate or for a queue; nil:
	// nothing is.
	BeforeWait func()

	// Header is the event's. An event that is being emitted has none yet, but the time At and,
	// inside a handler, the ids of its Parent and Root.
	Header       *cause.Header
	Parent, Root cause.ID
	At           int64
	Age          time.Duration // see cause.Header.Age
	Size         int           // of its payload, in bytes; 0: not known

	// MayNotWait is for events whose way nobody waits at: a rule that waits keeps them.
	MayNotWait bool

	waited time.Duration // how long its caller has waited for rules so far
}

// Of is what rules ask of an event that has a header.
func Of(h *cause.Header) Event { return Event{Key: h.Key, Path: h.Lineage(), Header: h} }

// Waited is how long the event's caller has waited for rules.
func (e *Event) Waited() time.Duration { return e.waited }

// Pass lets the event take a step. An event without a header gets one, and so an id, if somebody
// is told.
func (e *Event) Pass(p *steps.Point, err error) {
	if told := p.Count(); told != 0 {
		p.Tell(told, e.header(), err)
	}
}

func (e *Event) header() cause.Header {
	switch {
	case e.Header != nil:
		return *e.Header
	case e.Parent.IsZero():
		return cause.NewRoot(e.Path, e.Key, e.At)
	default:
		parent := cause.Header{ID: e.Parent, Root: e.Root}
		return parent.Effect(e.Path, e.Key, e.At, e.Age)
	}
}

// unit is what is coalesced: of the events of one type and key the newest is kept.
type unit struct{ subject, key string }

func (e *Event) unit() unit { return unit{e.Path.Subject(), e.Key} }
