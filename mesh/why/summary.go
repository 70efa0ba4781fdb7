package why

import (
	"cmp"
	"maps"
	"slices"

	"leafmesh/mesh/cause"
)

// Summary is a cascade in a line: how it began, and the worst that became of it.
type Summary struct {
	Root cause.ID `json:"root"`
	// Began names the event that began it, "clue.answer.submitted", and Node that node that emitted
	// it; "" where no record tells the path.
	Began string `json:"began,omitempty"`
	Node  string `json:"node,omitempty"`
	// Key is that of the event that went wrong, or of one of the others.
	Key string `json:"key,omitempty"`
	// From is when the first thing happened that is known of it, and Until when the last one was
	// over, by the clocks of the nodes where it did, in nanoseconds since 1970.
	From  int64 `json:"from"`
	Until int64 `json:"until"`
	// Events counts those that are known.
	Events int `json:"events"`
	// Worst is the worst that happened, the first of its kind; its outcome is "" if nothing did.
	Worst Worst `json:"worst,omitzero"`
}

// Worst is what went wrong in a cascade.
type Worst struct {
	Step
	Type  string `json:"type"` // of the event
	Error string `json:"error,omitempty"`
}

// Bad reports whether the step ended badly, or has not ended well so far.
func (s Step) Bad() bool { return s.badness() > 0 }

// String says what became of an event at a place: "handler judge on clue-1: handled in 81.6µs".
func (s Step) String() string { return s.words() }

// Summarize makes a line of each cascade that records are of, the newest first.
func Summarize(records []Record) []Summary {
	byRoot, events := map[cause.ID]Summary{}, map[cause.ID]map[cause.ID]bool{}
	for i := range records {
		r := &records[i]
		s, known := byRoot[r.Root]
		if !known {
			s = Summary{Root: r.Root, From: r.At, Until: r.End()}
			events[r.Root] = map[cause.ID]bool{}
		}
		events[r.Root][r.Event] = true
		s.Events = len(events[r.Root])
		s.add(r)
		byRoot[r.Root] = s
	}
	return newestFirst(byRoot)
}

func (s *Summary) add(r *Record) {
	if len(r.Path) > 0 && s.Began == "" {
		s.Node, s.Began = lastOf(r.Path[:1])
	}
	if r.Emitted != 0 && r.Event == r.Root {
		s.From = min(s.From, r.Emitted)
	}
	s.From, s.Until = min(s.From, r.At), max(s.Until, r.End())
	s.Key = cmp.Or(s.Key, r.Key)
	step := plainStep(*r)
	if step.badness() > s.Worst.badness() {
		s.Worst = Worst{Step: step, Type: r.Type, Error: r.Error}
		s.Worst.Step.Errors = nil // Error has it
		s.Key = cmp.Or(r.Key, s.Key)
	}
}

// JoinSummaries makes one of those that several nodes have of a cascade, the newest first. Events
// are those of the node that knows most of them.
func JoinSummaries(summaries ...Summary) []Summary {
	byRoot := map[cause.ID]Summary{}
	for _, s := range summaries {
		known, isKnown := byRoot[s.Root]
		if !isKnown {
			byRoot[s.Root] = s
			continue
		}
		if s.Worst.badness() > known.Worst.badness() {
			known.Worst, known.Key = s.Worst, cmp.Or(s.Key, known.Key)
		}
		known.Began, known.Node, known.Key = cmp.Or(known.Began, s.Began), cmp.Or(known.Node, s.Node), cmp.Or(known.Key, s.Key)
		known.From, known.Until = min(known.From, s.From), max(known.Until, s.Until)
		known.Events = max(known.Events, s.Events)
		byRoot[s.Root] = known
	}
	return newestFirst(byRoot)
}

func newestFirst(byRoot map[cause.ID]Summary) []Summary {
	return slices.SortedFunc(maps.Values(byRoot), func(a, b Summary) int {
		return cmp.Or(cmp.Compare(b.From, a.From), slices.Compare(a.Root[:], b.Root[:]))
	})
}
