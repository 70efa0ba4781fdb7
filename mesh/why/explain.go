package why

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
)

// Explanation is a cascade as a tree, with what went wrong in it and what is not known.
type Explanation struct {
	Asked cause.ID `json:"asked"`
	// Found says that some node knows the event or the cascade that was asked for.
	Found bool `json:"found"`
	// Faults are the steps that ended badly, or have not ended well so far, the worst first.
	Faults []Fault `json:"faults"`
	// Cascades are the trees: that of the event, and those that [mesh.NewRoot] of its events began
	// are part of it. There are several only if what links them is not known.
	//
	// [mesh.NewRoot]: https://pkg.go.dev/leafmesh/mesh#NewRoot
	Cascades []*Event `json:"cascades"`
	// Missing says what is not known, and why.
	Missing []string `json:"missing,omitempty"`
	// Nodes were asked, those too that did not answer.
	Nodes []string `json:"nodes"`

	answered []string // of Nodes
}

// Event is one event of a cascade.
type Event struct {
	ID     cause.ID `json:"id,omitzero"` // zero: only the path tells that there was one
	Root   cause.ID `json:"root"`
	Parent cause.ID `json:"parent,omitzero"`
	Type   string   `json:"type,omitempty"`
	Key    string   `json:"key,omitempty"`
	Node   string   `json:"node,omitempty"` // that emitted it
	// Emitted is when, by the clock of Node, in nanoseconds since 1970; 0 if it is not known.
	Emitted int64  `json:"emitted,omitempty"`
	Asked   bool   `json:"asked,omitempty"`
	Steps   []Step `json:"steps,omitempty"`
	// Missing says why nothing but the path is known of the event; "" if more is.
	Missing string `json:"missing,omitempty"`
	// Effects were emitted by handlers of the event.
	Effects []*Event `json:"effects,omitempty"`

	path    []string
	records []Record
	above   *Event // whose effect it is
}

// Fault is a step that ended badly.
type Fault struct {
	Event *Event   `json:"-"`
	ID    cause.ID `json:"event"`
	Type  string   `json:"type"`
	Key   string   `json:"key,omitempty"`
	Step
}

// Explain makes the explanation of an event or root out of what nodes know.
func Explain(id cause.ID, reports ...Report) Explanation {
	b := &builder{id: id, reports: map[string]*Report{}, byID: map[cause.ID]*Event{}, byPath: map[pathKey]*Event{}}
	x := Explanation{Asked: id, Faults: []Fault{}, Cascades: []*Event{}}
	reports = Merge(reports...)
	for i := range reports {
		b.reports[reports[i].Node] = &reports[i]
		x.Nodes = append(x.Nodes, reports[i].Node)
		if !reports[i].isProblem() {
			x.answered = append(x.answered, reports[i].Node)
		}
		b.records = append(b.records, reports[i].Records...)
	}
	slices.Sort(x.Nodes)
	x.Nodes = slices.Compact(x.Nodes)
	slices.Sort(x.answered)
	b.records = Compact(slices.Clone(b.records))
	b.addEvents()
	x.Cascades = b.trees()
	for _, e := range b.all {
		e.Steps = b.steps(e)
		e.Asked = e.ID == id
		x.Found = x.Found || e.Asked || e.Root == id
		for _, s := range e.Steps {
			if s.badness() > 0 {
				x.Faults = append(x.Faults, Fault{Event: e, ID: e.ID, Type: e.Type, Key: e.Key, Step: s})
			}
		}
	}
	slices.SortStableFunc(x.Faults, func(a, b Fault) int {
		return cmp.Or(-cmp.Compare(a.badness(), b.badness()), cmp.Compare(a.At, b.At))
	})
	x.Missing = b.missing(x.Found)
	return x
}

// builder puts the trees together.
type builder struct {
	id      cause.ID
	reports map[string]*Report // by node
	records []Record
	all     []*Event
	byID    map[cause.ID]*Event
	byPath  map[pathKey]*Event // those without an id
}

// pathKey names an event of which only the path is known.
type pathKey struct {
	root cause.ID
	path string
}

// addEvents makes the events that there are records of.
func (b *builder) addEvents() {
	for _, r := range b.records {
		e := b.byID[r.Event]
		if e == nil {
			e = &Event{ID: r.Event, Root: r.Root, Parent: r.Parent, Type: r.Type, Key: r.Key, Emitted: r.Emitted}
			b.byID[r.Event] = e
			b.all = append(b.all, e)
		}
		e.records = append(e.records, r)
		if len(e.path) == 0 && len(r.Path) > 0 {
			e.path = r.Path
			e.Node = r.origin()
		}
		if e.Parent.IsZero() {
			e.Parent = r.Parent
		}
		e.Key = cmp.Or(e.Key, r.Key)
	}
}

// trees links events to what caused them, adds those that are only known from that, and returns
// the roots in the order of time.
func (b *builder) trees() (tops []*Event) {
	for i := 0; i < len(b.all); i++ { // it grows
		e := b.all[i]
		e.above = b.parentOf(e)
		if e.above == nil || e.isAbove(e.above) {
			e.above = nil
			tops = append(tops, e)
			continue
		}
		e.above.Effects = append(e.above.Effects, e)
	}
	for _, e := range b.all {
		slices.SortStableFunc(e.Effects, before)
	}
	slices.SortStableFunc(tops, before)
	return tops
}

// isAbove reports whether e is other or caused it: what nodes tell may go in a circle.
func (e *Event) isAbove(other *Event) bool {
	for ; other != nil; other = other.above {
		if other == e {
			return true
		}
	}
	return false
}

func before(a, b *Event) int {
	return cmp.Or(cmp.Compare(a.time(), b.time()), slices.Compare(a.ID[:], b.ID[:]))
}

// time is when the event was emitted, as far as it is known.
func (e *Event) time() int64 {
	switch {
	case e.Emitted != 0:
		return e.Emitted
	case !e.ID.IsZero():
		return e.ID.Time().UnixNano()
	}
	return e.Root.Time().UnixNano()
}

// parentOf finds the event whose handler emitted e, or makes it out of what e tells; nil if e is a
// root that no event caused.
func (b *builder) parentOf(e *Event) *Event {
	if e.Root.IsZero() || e.Parent.IsZero() && (e.ID == e.Root || len(e.path) == 1) {
		return nil
	}
	if known := b.byID[e.Parent]; known != nil && !e.Parent.IsZero() {
		return known
	}
	if e.ID == e.Root { // of NewRoot: the path begins anew
		return b.add(&Event{ID: e.Parent, Missing: b.whyMissing(e.Parent, "", e.Parent.Time())})
	}
	above := &Event{ID: e.Parent, Root: e.Root}
	if len(e.path) > 1 {
		above.path = e.path[:len(e.path)-1]
		above.Node, above.Type = lastOf(above.path)
	}
	if len(above.path) == 1 || len(e.path) == 0 && e.Parent.IsZero() {
		above.ID = e.Root
	}
	if len(above.path) == 2 {
		above.Parent = e.Root
	}
	if known := b.byID[above.ID]; known != nil && !above.ID.IsZero() {
		return known
	}
	key := pathKey{above.Root, strings.Join(above.path, " ")}
	if known := b.byPath[key]; known != nil && above.ID.IsZero() {
		return known
	}
	above.Missing = b.whyMissing(above.ID, above.Node, timeOf(above))
	if above.ID.IsZero() {
		b.byPath[key] = above
	}
	return b.add(above)
}

func timeOf(e *Event) time.Time { return time.Unix(0, e.time()) }

func (b *builder) add(e *Event) *Event {
	b.all = append(b.all, e)
	if !e.ID.IsZero() {
		b.byID[e.ID] = e
	}
	return e
}

// lastOf is the last step of a path, "node:subject".
func lastOf(path []string) (node, subject string) {
	if len(path) == 0 {
		return "", ""
	}
	node, subject, _ = strings.Cut(path[len(path)-1], ":")
	return node, subject
}
