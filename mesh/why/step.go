package why

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// The outcomes of steps that have not ended, beside those of package stats.
const (
	Waiting stats.Outcome = "waiting" // in a handler's queue, or for a rule
	Running stats.Outcome = "running" // being handled
	Unknown stats.Outcome = "unknown" // the end is not known
)

// Step is what became of an event at one place of one node.
type Step struct {
	Node    string        `json:"node"`
	Place   string        `json:"place,omitempty"`
	Outcome stats.Outcome `json:"outcome"`
	Rule    string        `json:"rule,omitempty"`
	// At is when it began, by the clock of Node, in nanoseconds since 1970.
	At int64 `json:"at"`
	// Waited is how long the event waited on its node for the first call of the handler.
	Waited time.Duration `json:"waited,omitempty"`
	// Took is how long the last call took, and Lasted the time from the first to the end of the
	// last.
	Took   time.Duration `json:"took,omitempty"`
	Lasted time.Duration `json:"lasted,omitempty"`
	// Tries counts the calls that are recorded, and Errors lists what they failed with.
	Tries  int       `json:"tries,omitempty"`
	Errors []Failure `json:"errors,omitempty"`
	// Times is how often the event came, if that is more than once.
	Times int `json:"times,omitempty"`
	// Of is how many events of the type ended so between the record before and this one: more than
	// 1 where there were too many to record each.
	Of uint32 `json:"of,omitempty"`
	// Note says what is not known of the step, and why.
	Note string `json:"note,omitempty"`
}

// Failure is what calls failed with.
type Failure struct {
	Error string `json:"error"`
	Count int    `json:"count"`
}

// badness orders faults; 0 is none.
func (s *Step) badness() int {
	switch s.Outcome {
	case stats.DeadLettered:
		return 6
	case stats.Failed, stats.Lost:
		return 5
	case stats.Returned, stats.Retried:
		return 4
	case stats.Rerooted:
		return 3
	case stats.Refused:
		return 2
	case stats.Shed:
		return 1
	}
	return 0
}

// steps tells what became of an event, in the order in which it began.
func (b *builder) steps(e *Event) (steps []Step) {
	type site struct{ node, place string }
	calls := map[site][]Record{} // of handlers
	var sites []site
	arrived := map[string]int64{} // on a node, of those that were imported
	entered := map[string]Record{}
	for _, r := range e.records {
		switch r.Outcome {
		case stats.Imported, stats.Admitted:
			if r.Outcome == stats.Imported {
				arrived[r.Node] = cmp.Or(arrived[r.Node], r.At)
			}
			if known, ok := entered[r.Node]; !ok || known.Outcome == stats.Admitted {
				entered[r.Node] = r
			}
		case stats.Handled, stats.Retried, stats.Returned, stats.Failed:
			at := site{r.Node, r.Place}
			if calls[at] == nil {
				sites = append(sites, at)
			}
			calls[at] = append(calls[at], r)
			continue
		}
		if r.Outcome != stats.Admitted && r.Outcome != stats.Acknowledged {
			steps = again(steps, plainStep(r))
		}
	}
	steps = comingAgain(e, steps)
	for _, at := range sites {
		from := arrived[at.node]
		if from == 0 && e.Node == at.node { // else it is another clock's
			from = e.Emitted
		}
		steps = append(steps, b.callStep(e, calls[at], from))
	}
	for node, entry := range entered {
		steps = append(steps, b.open(e, node, entry, steps)...)
	}
	left := leftAt(e.Node, steps)
	at := func(s Step) int64 {
		if isLeaving(e.Node, s) {
			return min(s.At, left)
		}
		return s.At
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Place, b.Place))
	})
	return steps
}

// isLeaving reports whether an event left its node by a step.
func isLeaving(node string, s Step) bool {
	return s.Node == node && (s.Outcome == stats.Exported || s.Outcome == stats.Stored)
}

// leftAt is when an event had left its node at the latest: before it came anywhere else. The node
// notes that it sent an event once it has, when the other may have it already, and clocks differ.
func leftAt(node string, steps []Step) int64 {
	left := int64(math.MaxInt64)
	for _, s := range steps {
		if s.Node != node {
			left = min(left, s.At-1)
		}
	}
	return left
}

// again adds a step, unless the event came to the node before: from an outbox it does each time
// that it is tried again.
func again(steps []Step, s Step) []Step {
	if s.Outcome == stats.Imported {
		i := slices.IndexFunc(steps, func(known Step) bool { return known.Outcome == s.Outcome && known.Node == s.Node })
		if i >= 0 {
			steps[i].Times = max(steps[i].Times, 1) + 1
			return steps
		}
	}
	return append(steps, s)
}

// comingAgain says of what a handler did not take whether it is lost there: an event that its own
// node stored in its outbox comes to others until they have handled it. Each time that it came in
// vain is a part of one step.
func comingAgain(e *Event, steps []Step) (told []Step) {
	isStored := slices.ContainsFunc(steps, func(s Step) bool { return s.Node == e.Node && s.Outcome == stats.Stored })
	for _, s := range steps {
		if !isStored || s.Node == e.Node || s.Outcome != stats.Shed || s.Rule != stats.Cut && s.Rule != stats.QueueFull || !strings.HasPrefix(s.Place, "handler ") {
			told = append(told, s)
			continue
		}
		s.Note = "not lost: it comes again from the outbox of " + e.Node + ", or has come"
		i := slices.IndexFunc(told, func(known Step) bool {
			return known.Node == s.Node && known.Place == s.Place && known.Outcome == s.Outcome && known.Rule == s.Rule
		})
		if i < 0 {
			told = append(told, s)
		} else {
			told[i].Times = max(told[i].Times, 1) + 1
		}
	}
	return told
}

func plainStep(r Record) Step {
	switch r.Outcome { // these are counted without a place
	case stats.Imported, stats.Rerooted:
		r.Place = "import"
	case stats.Stored:
		r.Place = "outbox"
	}
	s := Step{Node: r.Node, Place: r.Place, Outcome: r.Outcome, Rule: r.Rule, At: r.At, Took: r.Took}
	if r.Error != "" {
		s.Errors = []Failure{{r.Error, 1}}
	}
	if r.Count > 1 {
		s.Of = r.Count
	}
	return s
}

// callStep tells of the calls of one handler for the event, in one step. from is when the event
// came into the node, 0 if that is not known.
func (b *builder) callStep(e *Event, calls []Record, from int64) Step {
	first, last := calls[0], calls[len(calls)-1]
	s := Step{Node: first.Node, Place: first.Place, Outcome: last.Outcome, Rule: last.Rule, At: first.At, Took: last.Took,
		Lasted: time.Duration(last.End() - first.At)}
	if from != 0 {
		s.Waited = time.Duration(max(0, first.At-from))
	}
	for _, c := range calls {
		if c.Took > 0 || c.Outcome == stats.Retried {
			s.Tries++
		}
		if c.Error == "" {
			continue
		}
		i := slices.IndexFunc(s.Errors, func(f Failure) bool { return f.Error == c.Error })
		if i < 0 {
			s.Errors, i = append(s.Errors, Failure{Error: c.Error}), len(s.Errors)
		}
		s.Errors[i].Count++
	}
	r := b.reports[s.Node]
	switch {
	case s.Outcome != stats.Retried && s.Outcome != stats.Returned:
	case b.runs(e, s.Node, s.Place):
		s.Note = "being tried again now"
	case s.Outcome == stats.Returned:
		s.Note = "comes again from the outbox that it came from, or has come to another instance"
	case r != nil && r.Started > s.At+int64(s.Lasted):
		s.Note = "the node was started again since"
	default:
		s.Note = "to be tried again"
	}
	return s
}

// runs reports whether a handler has the event at the moment.
func (b *builder) runs(e *Event, node, place string) bool {
	r := b.reports[node]
	return r != nil && slices.ContainsFunc(r.Running, func(c stats.Running) bool {
		return c.Event == e.ID && "handler "+c.Handler == place
	})
}

// open tells of the handlers of a node that have not ended with an event that the node took.
func (b *builder) open(e *Event, node string, entry Record, known []Step) (steps []Step) {
	r := b.reports[node]
	if r == nil {
		return nil
	}
	for _, handler := range r.Handlers[e.Type] {
		place := "handler " + handler
		ended := slices.ContainsFunc(known, func(s Step) bool {
			return s.Node == node && s.Place == place && s.Outcome != stats.Delayed
		})
		if ended || slices.ContainsFunc(known, func(s Step) bool { // nobody on this node got it
			return s.Node == node && !strings.HasPrefix(s.Place, "handler ") && (s.Outcome == stats.Refused || s.Outcome == stats.Shed || s.Outcome == stats.Coalesced)
		}) {
			continue
		}
		s := Step{Node: node, Place: place, Outcome: Waiting, At: entry.At}
		if entry.Outcome == stats.Imported || e.Node == node { // else the time is another clock's
			s.Waited = time.Duration(max(0, r.Now-entry.At))
		}
		switch {
		case b.runs(e, node, place):
			s.Outcome = Running
		case entry.At < r.Started:
			s.Outcome, s.Waited, s.Note = Unknown, 0, "the node was started again at "+clockOf(r.Started)
		case entry.At < r.Since:
			s.Outcome, s.Waited, s.Note = Unknown, 0, "its end fell out of the recorder, which reaches back to "+clockOf(r.Since)
		}
		if s.Outcome == Running {
			for _, c := range r.Running {
				if c.Event == e.ID && c.Handler == handler {
					s.Took = c.For
					s.Waited = time.Duration(max(0, int64(s.Waited)-int64(c.For)))
				}
			}
		}
		steps = append(steps, s)
	}
	return steps
}
