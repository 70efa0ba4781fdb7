package cause

import "time"

// Header is what the mesh knows of an event beside its value. It is made when the event is emitted,
// never changes, and travels with it over links.
type Header struct {
	ID     ID // this event
	Root   ID // the event that began the cascade; ID itself for a root
	Parent ID // the event whose handler emitted this one; zero for a root, unless it is of mesh.NewRoot
	Key    string

	at   int64 // unix nanoseconds
	age  int64 // nanoseconds
	path *Path
}

// NewRoot makes the header of an event that begins a cascade. It is emitted at a time in
// nanoseconds since 1970; its path has one step.
func NewRoot(path *Path, key string, at int64) Header {
	id := NewID(at)
	return Header{ID: id, Root: id, Key: key, at: at, path: path}
}

// Effect makes the header of an event that a handler of h's event emits, at a time in nanoseconds
// since 1970 and at an age of its cascade: see [Header.Age]. If the path has one step the event
// begins a cascade of its own, and only its Parent leads back to h.
func (h *Header) Effect(path *Path, key string, at int64, age time.Duration) Header {
	e := Header{ID: NewID(at), Root: h.Root, Parent: h.ID, Key: key, at: at, age: int64(age), path: path}
	if path.Depth() == 0 {
		e.Root, e.age = e.ID, 0
	}
	return e
}

// On returns the header completed with what only the mesh sets: its path, its time in nanoseconds
// since 1970 and its age. It is for headers that come over a link.
func (h Header) On(path *Path, at int64, age time.Duration) Header {
	h.path, h.at, h.age = path, at, int64(age)
	return h
}

// Rename gives an event that was just emitted another id.
func (h *Header) Rename(id ID) {
	if h.Root == h.ID {
		h.Root = id
	}
	h.ID = id
}

// At is [Header.Time] in nanoseconds since 1970.
func (h *Header) At() int64 { return h.at }

// Lineage is [Header.Path] as the mesh keeps it; nil for the zero Header.
func (h *Header) Lineage() *Path { return h.path }

// Subject is the event's type: "clue.answer.judged".
func (h Header) Subject() string {
	if h.path == nil { // the zero Header, of no event
		return ""
	}
	return h.path.Subject()
}

// Origin is the node that emitted the event: "clue-1". Of an imported event it is certain to be a
// peer of the type's service that this node dials; which of several instances is the peers' own
// word. It is "unknown", which is no node's name, if the event came with a damaged causal header
// and so became a root: see stats.Rerooted.
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

// Age is the time that the cascade itself took until this event was emitted: how long the handlers
// ran that lead from the root to it, one after the other. What an event waited for is left out, be
// it a queue, a rule or an outbox, a link or a transaction's relay, and so is the difference of two
// nodes' clocks. It is 0 for a root, and what a cascade's deadline bounds.
func (h Header) Age() time.Duration { return time.Duration(h.age) }
