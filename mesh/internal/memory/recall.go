package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/recorder"
	"leafmesh/mesh/why"
)

const (
	// maxLinked bounds how many cascades a report has: those of new roots lead on without an end.
	maxLinked = 64
	// maxRecalled bounds the records of a report, some 2 MB.
	maxRecalled = 10_000
)

// Recall returns what is remembered of the cascades of some events or roots, and of those that they
// are linked with, as who asks: a peer of that name, or "" for whoever asks this node. What is
// found is kept. It is an error if ctx ends first; the report has then what was found so far.
func (m *Memory) Recall(ctx context.Context, who string, ids ...cause.ID) (why.Report, error) {
	r := why.Report{Node: m.Node, Started: m.Opened, Handlers: map[string][]string{}}
	if m.recorder == nil {
		r.Problem = "it has no recorder: set recorder in its file"
		return r, nil
	}
	s := newSearch(ids[:min(len(ids), maxLinked)])
	for s.more() {
		if ctx.Err() != nil {
			return r, fmt.Errorf("mesh: recall cascades on node %s: %w", m.Node, clock.EndOf(ctx))
		}
		m.recorder.Find(s.ask, s.found)
		if err := m.archive.Find(s.ask, s.found); err != nil {
			r.Damaged = err.Error()
		}
		r.Records = s.read()
	}
	if more := len(r.Records) - maxRecalled; more > 0 {
		r.Records, r.More = r.Records[:maxRecalled], more
	}
	m.keepAll(who, r.Records)
	for _, of := range r.Records {
		if names, known := m.env.Handlers(of.Type); known {
			r.Handlers[of.Type] = names
		}
	}
	r.Running = m.env.Running(s.ask.Roots)
	seen := m.Stats()
	r.Since, r.Left = seen.Since, seen.Left
	r.Now = m.Clock.Wall() // last, so that nothing in the report is later
	return r, nil
}

// keepAll keeps the cascades of records, as somebody asks for them and may ask again.
func (m *Memory) keepAll(who string, records []why.Record) {
	roots := map[cause.ID]bool{}
	for _, r := range records {
		roots[r.Root] = true
	}
	m.Keep(who, slices.Collect(maps.Keys(roots)))
}

// search follows the links between cascades: up from a root to the event whose handler emitted it,
// and down from events to the roots that their handlers emitted.
type search struct {
	ask     recorder.Ask
	records []why.Record // of this round
	asked   int          // how much was asked for in the round before
}

// newSearch begins with some events or roots.
func newSearch(ids []cause.ID) *search {
	s := &search{ask: recorder.Ask{Roots: map[cause.ID]bool{}, Events: map[cause.ID]bool{}, Causes: map[cause.ID]bool{}}}
	for _, id := range ids {
		s.ask.Roots[id], s.ask.Events[id], s.ask.Causes[id] = true, true, true
	}
	return s
}

// more reports whether there is something to ask for that was not.
func (s *search) more() bool {
	n := len(s.ask.Roots) + len(s.ask.Events) + len(s.ask.Causes)
	grown := n > s.asked
	s.asked = n
	s.records = s.records[:0]
	return grown
}

func (s *search) found(r why.Record) { s.records = append(s.records, r) }

// read takes what was found, and asks for what it is linked with.
func (s *search) read() []why.Record {
	records := why.Compact(slices.Clone(s.records))
	for i := range records {
		r := &records[i]
		if len(s.ask.Roots) < maxLinked {
			s.ask.Roots[r.Root] = true
		}
		if len(s.ask.Causes) < maxRecalled {
			s.ask.Causes[r.Event] = true
		}
		if r.Event == r.Root && !r.Parent.IsZero() && len(s.ask.Events) < maxLinked {
			s.ask.Events[r.Parent] = true
		}
	}
	return records
}
