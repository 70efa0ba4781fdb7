package storm

import (
	"strings"

	"leafmesh/embedded/measure"
	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// Result is what the two runs found. Its JSON form is what `storm -json` prints.
type Result struct {
	Rate    float64 `json:"rate"`        // root events a second
	Seconds float64 `json:"for_seconds"` // of each storm, and of the quiet time before it
	Cap     int     `json:"cap"`         // handled events that end a storm before its time
	Off     Trial   `json:"off"`         // with the guard lifted as far as a configuration can
	On      Trial   `json:"on"`          // with the guard as it is by default
	// Held says whether the neighbour's mean, with the guard on, stayed within MaxFactor times its
	// quiet value.
	Held bool `json:"held"`
	// Summary says all this to a person.
	Summary string `json:"summary"`
}

// MaxFactor is what a storm may make of the neighbour's mean handling time while the guard is on.
const MaxFactor = 2

// Trial is one run: a quiet time and then a storm, on the same nodes.
type Trial struct {
	Bounds Bounds `json:"bounds"`
	Roots  int    `json:"roots"` // root events emitted
	// Handled counts the storm's events that were handled, on all nodes. Each event has one
	// handler.
	Handled uint64 `json:"handled"`
	// Allowed is the most events that so many roots can come to, themselves included: roots ×
	// (nodes × descendants + 1).
	Allowed uint64 `json:"allowed"`
	// Refused counts the storm's refusals on all nodes, by rule.
	Refused map[string]uint64 `json:"refused"`
	// Lost counts the storm's events that were neither handled nor refused.
	Lost uint64 `json:"lost"`
	// Examples has the text of the first error of each rule that handlers got; that of the guard's
	// rules ends with the path.
	Examples map[string]string `json:"examples"`
	EndedBy  Ending            `json:"ended_by"`
	Quiet    measure.Handling  `json:"quiet"` // of the neighbour, before the storm
	Storm    measure.Handling  `json:"storm"` // of the neighbour, beside the storm
	// Factor is the neighbour's mean beside the storm over its quiet one; 0 if one of them is
	// missing.
	Factor float64 `json:"factor"`
	// The largest heap seen: all objects, with garbage that is not collected yet.
	QuietHeap uint64 `json:"quiet_heap_bytes"`
	PeakHeap  uint64 `json:"peak_heap_bytes"`
}

// Ending is how a storm ended.
type Ending string

// The endings. In the last two the handlers were told to emit nothing any more.
const (
	Itself Ending = "itself" // the last cascade had ended
	Time   Ending = "time"   // cascades went on when the time was up
	Cap    Ending = "cap"    // as many events were handled as the safety cap allows
)

// Bounds are those of each cascade; see mesh.Cascade.
type Bounds struct {
	Depth           int     `json:"depth"`
	Loops           int     `json:"loops"`
	Descendants     int     `json:"descendants"` // on each node
	DeadlineSeconds float64 `json:"deadline_seconds"`
}

// newTrial begins the account of a run under these bounds.
func newTrial(bounds mesh.Cascade) Trial {
	return Trial{EndedBy: Itself, Refused: map[string]uint64{}, Bounds: Bounds{Depth: bounds.Depth, Loops: bounds.Loops,
		Descendants: bounds.Descendants, DeadlineSeconds: bounds.Deadline.Seconds()}}
}

// count takes over what the counters of closed nodes say.
func (t *Trial) count(nodes inproc.Nodes) {
	for i, n := range nodes {
		for _, c := range n.Stats().Counts {
			switch {
			case c.Type == services[i].read.Subject(), strings.HasPrefix(c.Type, "mesh."): // not of the storm
			case c.Outcome == stats.Handled:
				t.Handled += c.Count
			case c.Outcome == stats.Refused:
				t.Refused[c.Rule] += c.Count
			case c.Outcome == stats.Lost:
				t.Lost += c.Count
			}
		}
	}
	t.Allowed = uint64(t.Roots) * uint64(len(nodes)*t.Bounds.Descendants+1)
	if t.Quiet.Mean > 0 {
		t.Factor = float64(t.Storm.Mean / t.Quiet.Mean)
	}
}

// held says whether the neighbour was spared.
func (t *Trial) held() bool { return t.Factor > 0 && t.Factor <= MaxFactor }
