package mesh

import (
	"time"

	"leafmesh/mesh/internal/cascade"
)

// Header is what the mesh knows of an event beside its value. It is made when
// the event is emitted, never changes, and travels with it over links.
type Header struct {
	ID     ID // this event
	Root   ID // the event that began the cascade; ID itself for a root
	Parent ID // the event whose handler emitted this one; zero for a root, unless it is of [NewRoot]
	Key    string

	at     int64 // unix nanoseconds
	waited int64 // nanoseconds
	path   *cascade.Path
}

// Subject is the event's type: "clue.answer.judged".
func (h Header) Subject() string {
	if h.path == nil { // the zero Header, of no event
		return ""
	}
	return h.path.Subject()
}

// Origin is the node that emitted the event: "clue-1". Of an imported event it is
// certain to be a peer of the type's service that this node dials; which of
// several instances is the peers' own word. It is "unknown", which is no node's
// name, if the event came with a damaged causal header and so became a root: see
// [Rerooted].
func (h Header) Origin() string {
	if h.path == nil {
		return ""
	}
	return h.path.Node()
}

// Depth counts the events between the root and this one; 0 for a root.
func (h Header) Depth() int {
	if h.path == nil {
		return 0
	}
	return h.path.Depth()
}

// Path lists the steps from the root to this event, each "node:subject".
func (h Header) Path() []string {
	if h.path == nil {
		return nil
	}
	return h.path.Steps()
}

// Time is when the event was emitted, by its origin's clock.
func (h Header) Time() time.Time { return time.Unix(0, h.at) }

// Waited is how long this event and its ancestors together lay in durable
// outboxes, each until its handler began, by the word of the nodes that handled
// them; 0 for most. A cascade is not older for it: its deadline counts from the
// root's time, less this.
func (h Header) Waited() time.Duration { return time.Duration(h.waited) }
