// Package traffic says what nodes did between two looks at their counters. It is pure.
package traffic

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// Traffic is what happened in between. Each list has the most first.
type Traffic struct {
	Types     []Type     `json:"types"`
	Handlers  []Handler  `json:"handlers"`
	Stopped   []Stopped  `json:"stopped"`
	Waiting   []Waiting  `json:"waiting,omitempty"`
	LongCalls []LongCall `json:"long_calls,omitempty"`
}

// Type is an event type on all nodes. Rates are events a second.
type Type struct {
	Type string `json:"type"`
	// Emitted is what nodes took in at their gates; each node that imports an event counts apart,
	// as Imported.
	Emitted  float64 `json:"emitted"`
	Imported float64 `json:"imported"`
	Exported float64 `json:"exported"`
	Handled  float64 `json:"handled"`
	// Failed is what handlers gave up, Stopped what else did not do what it was emitted for.
	Failed  float64 `json:"failed"`
	Stopped float64 `json:"stopped"`
}

// Handler is a handler of a node.
type Handler struct {
	Node    string  `json:"node"`
	Handler string  `json:"handler"`
	Type    string  `json:"type"`
	Handled float64 `json:"handled"`
	Retried float64 `json:"retried"`
	Failed  float64 `json:"failed"`
	// Queue counts the events that wait for it or are being handled, now.
	Queue uint64 `json:"queue"`
	// Time is how long an event takes in the queue and the handler: the queue over the rate
	// (Little's law). 0 if nothing was handled.
	Time time.Duration `json:"time"`
}

// Stopped is what a rule refused, shed, lost or coalesced at a place of a node.
type Stopped struct {
	Node    string        `json:"node"`
	Type    string        `json:"type"`
	Outcome stats.Outcome `json:"outcome"`
	Place   string        `json:"place"`
	Rule    string        `json:"rule"`
	Rate    float64       `json:"rate"`
	// Total is since the node was opened.
	Total uint64 `json:"total"`
}

// Waiting is what waits for a rule of a node.
type Waiting struct {
	Node string `json:"node"`
	stats.Line
}

// LongCall is a call of a handler that takes too long.
type LongCall struct {
	Node string `json:"node"`
	stats.Running
}

const atHandler = "handler "

// Between compares what nodes counted at two times. A node of which there is no earlier count, or
// that was opened since, has no rates.
func Between(before, after []stats.Stats) Traffic {
	t := tally{types: map[string]*Type{}}
	for _, now := range after {
		at := slices.IndexFunc(before, func(s stats.Stats) bool { return s.Node == now.Node })
		if at < 0 {
			t.add(now, now)
		} else {
			t.add(before[at], now)
		}
	}
	return t.traffic()
}

type tally struct {
	types map[string]*Type
	Traffic
}

// count names a counter.
type count struct {
	kind        string
	outcome     stats.Outcome
	place, rule string
}

func (t *tally) add(before, now stats.Stats) {
	seconds := time.Duration(now.At - before.At).Seconds()
	earlier := map[count]uint64{}
	for _, c := range before.Counts {
		earlier[count{c.Type, c.Outcome, c.Place, c.Rule}] = c.Count
	}
	handlers := map[[2]string]*Handler{}
	for _, c := range now.Counts {
		was := earlier[count{c.Type, c.Outcome, c.Place, c.Rule}]
		rate := 0.0
		if seconds > 0 && c.Count >= was {
			rate = float64(c.Count-was) / seconds
		}
		t.addType(c, rate)
		if name, at := strings.CutPrefix(c.Place, atHandler); at {
			h := handlers[[2]string{c.Type, name}]
			if h == nil {
				h = &Handler{Node: now.Node, Handler: name, Type: c.Type}
				handlers[[2]string{c.Type, name}] = h
			}
			h.add(c, rate)
		}
		if c.Outcome.IsLoss() && c.Outcome != stats.Failed || c.Outcome == stats.Coalesced { // no loss, but a rule's doing
			t.Stopped = append(t.Stopped, Stopped{now.Node, c.Type, c.Outcome, c.Place, c.Rule, rate, c.Count})
		}
	}
	for _, h := range handlers {
		if h.Queue > 1<<62 {
			h.Queue = 0 // the counters were read one after the other
		}
		if rate := h.Handled + h.Failed; rate > 0 {
			h.Time = time.Duration(float64(h.Queue) / rate * float64(time.Second))
		}
		t.Handlers = append(t.Handlers, *h)
	}
	for _, l := range now.Lines {
		t.Waiting = append(t.Waiting, Waiting{now.Node, l})
	}
	for _, r := range now.Slow {
		t.LongCalls = append(t.LongCalls, LongCall{now.Node, r})
	}
}

func (t *tally) addType(c stats.Count, rate float64) {
	of := t.types[c.Type]
	if of == nil {
		of = &Type{Type: c.Type}
		t.types[c.Type] = of
	}
	switch {
	case c.Outcome == stats.Admitted:
		of.Emitted += rate
	case c.Outcome == stats.Imported:
		of.Imported += rate
	case c.Outcome == stats.Exported:
		of.Exported += rate
	case c.Outcome == stats.Handled:
		of.Handled += rate
	case c.Outcome == stats.Failed:
		of.Failed += rate
	case c.Outcome.IsLoss():
		of.Stopped += rate
	}
}

// add adds a counter. What was delivered and has had no end is in the queue: see stats.Outcome.
func (h *Handler) add(c stats.Count, rate float64) {
	switch c.Outcome {
	case stats.Handled:
		h.Handled += rate
	case stats.Failed:
		h.Failed += rate
	case stats.Retried:
		h.Retried += rate
	}
	switch {
	case c.Outcome == stats.Delivered:
		h.Queue += c.Count
	case c.Outcome == stats.Handled, c.Outcome == stats.Failed, c.Outcome == stats.Coalesced, c.Outcome == stats.Returned,
		c.Outcome == stats.Lost && c.Rule == stats.Closed,
		c.Outcome == stats.Shed && c.Rule != stats.QueueFull && c.Rule != stats.Cut:
		h.Queue -= c.Count
	}
}

// traffic puts everything in order.
func (t *tally) traffic() Traffic {
	for _, of := range t.types {
		of.Emitted = max(0, of.Emitted-of.Imported) // what is imported passes a gate, too
		t.Types = append(t.Types, *of)
	}
	slices.SortFunc(t.Types, func(a, b Type) int {
		return cmp.Or(cmp.Compare(b.Emitted+b.Imported+b.Stopped, a.Emitted+a.Imported+a.Stopped), strings.Compare(a.Type, b.Type))
	})
	slices.SortFunc(t.Handlers, func(a, b Handler) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(b.Queue, a.Queue), cmp.Compare(b.Handled+b.Failed, a.Handled+a.Failed),
			strings.Compare(a.Node+a.Handler+a.Type, b.Node+b.Handler+b.Type))
	})
	slices.SortFunc(t.Stopped, func(a, b Stopped) int {
		return cmp.Or(cmp.Compare(b.Rate, a.Rate), cmp.Compare(b.Total, a.Total), strings.Compare(a.Node+a.Type+a.Place+a.Rule, b.Node+b.Type+b.Place+b.Rule))
	})
	slices.SortFunc(t.Waiting, func(a, b Waiting) int { return cmp.Compare(b.Waiting, a.Waiting) })
	slices.SortFunc(t.LongCalls, func(a, b LongCall) int { return cmp.Compare(b.For, a.For) })
	return t.Traffic
}
