package steps

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/stats"
)

// Trace is the trace point of a node. Make one with [New]. Its methods are safe for concurrent use.
type Trace struct {
	heard    listeners
	edges    edges
	recorder *recorder.Recorder // nil: nothing is recorded

	mu      sync.Mutex
	points  map[Step]*Point     // guarded by mu
	tallies map[tallyKey]*Tally // guarded by mu
	types   map[string]*Type    // guarded by mu

	measures measures
}

type tallyKey struct {
	subject string
	place   Place
}

// New makes a trace point. learned is called once for each pair of event types of which a handler
// turned one into the other; it may be nil.
func New(learned func(from *Tally, to *Type)) *Trace {
	return &Trace{edges: edges{learned: learned}, points: map[Step]*Point{}, tallies: map[tallyKey]*Tally{}, types: map[string]*Type{}}
}

// Record lets r record the steps of all points. It must be called before the first one is made.
func (t *Trace) Record(r *recorder.Recorder) {
	t.recorder = r
	if r != nil {
		t.heard.told.Add(1)
	}
}

// Listen lets l learn of all steps from now on, until the returned function is called.
func (t *Trace) Listen(l Listener) (stop func()) { return t.heard.add(l) }

// Point finds the point of a step, or makes it. Keep it: finding it takes a lock.
func (t *Trace) Point(s Step) *Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pointLocked(s)
}

func (t *Trace) pointLocked(s Step) *Point {
	p := t.points[s]
	if p == nil {
		p = &Point{heard: &t.heard, told: &t.heard.on, step: s,
			channel: t.recorder.Channel(recorder.Step{Type: s.Type, Outcome: s.Outcome, Place: s.Place.String(), Rule: s.Rule})}
		if p.channel != nil {
			p.told = &t.heard.told
		}
		t.points[s] = p
	}
	return p
}

// Tally finds the points of a type at a place, or makes them. Keep it.
func (t *Trace) Tally(subject string, place Place) *Tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallyKey{subject, place}
	made := t.tallies[key]
	if made == nil {
		made = newTally(subject, place, &t.edges, t.pointLocked)
		t.tallies[key] = made
		t.measures.add(made)
	}
	return made
}

// Done counts the events of a type that a place is done with; 0 if it has no tally.
func (t *Trace) Done(subject string, place Place) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if made := t.tallies[tallyKey{subject, place}]; made != nil {
		return made.Done()
	}
	return 0
}

// Type finds the points of an event type, or makes them. Keep it.
func (t *Trace) Type(subject string) *Type {
	t.mu.Lock()
	defer t.mu.Unlock()
	made := t.types[subject]
	if made == nil {
		made = newType(subject, t.pointLocked)
		t.types[subject] = made
	}
	return made
}

// Edges lists what handlers' emits have shown: which event types led to which.
func (t *Trace) Edges() []*Edge { return t.edges.all() }

// OtherEdges counts the events of edges that there was no room for.
func (t *Trace) OtherEdges() uint64 { return t.edges.other.Emitted() + t.edges.other.Refused() }

// Samples reads the counts of all edges, for a watch.
func (t *Trace) Samples() (samples []graph.Sample) {
	for _, e := range t.Edges() {
		samples = append(samples, graph.Sample{From: e.From.Type, To: e.To.Subject, By: e.From.Place.Handler,
			Count: e.Emitted() + e.Refused(), Handled: e.From.Done(), Workers: e.From.Workers})
	}
	return samples
}

// Counts lists the counts above zero, ordered by type, outcome, place and rule.
func (t *Trace) Counts() []stats.Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := []stats.Count{} // a list in JSON, also without entries
	for s, p := range t.points {
		if n := p.Load(); n > 0 {
			counts = append(counts, stats.Count{Type: s.Type, Outcome: s.Outcome, Place: s.Place.String(), Rule: s.Rule, Count: n})
		}
	}
	slices.SortFunc(counts, func(a, b stats.Count) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), cmp.Compare(a.Outcome, b.Outcome),
			strings.Compare(a.Place, b.Place), strings.Compare(a.Rule, b.Rule))
	})
	return counts
}
