package graph

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Sample is what an edge has counted up to now.
type Sample struct {
	From, To, By string
	Count        uint64 // events of the type To that the handler By emitted, or would have
	Handled      uint64 // events of the type From that it was done with
	Workers      int    // how many of those it may be working on
}

// Alarm says that an edge or a cycle is over its threshold: see mesh.GraphAlarms.
type Alarm struct {
	// Kind is "factor" for an edge and "gain" for a cycle.
	Kind string `cbor:"1,keyasint"`
	// Types are an edge's two, or those of a cycle in the order of the events.
	Types []string `cbor:"2,keyasint"`
	// Handler is the edge's; empty for a cycle.
	Handler string `cbor:"3,keyasint"`
	// Value is the factor or the gain, Threshold what is allowed.
	Value     float64 `cbor:"4,keyasint"`
	Threshold float64 `cbor:"5,keyasint"`
	// Repeats is how often it was found over since the last alarm and not told.
	Repeats int `cbor:"6,keyasint"`
}

const (
	// minHandled is how many events each worker must have handled before a factor is judged: one
	// event that leads to many is no trend. The factor is that of the latest so many and not of all
	// time, in which a change would drown.
	minHandled = 10
	// silence is how long nothing more is said of an edge or a cycle.
	silence = time.Minute
	// maxAlarms bounds what one check gives: types that all lead to one another have more cycles
	// than anybody could read about.
	maxAlarms = 16
)

// Watch judges the edges of one node. It is not safe for concurrent use.
type Watch struct {
	maxFactor, maxGain float64
	edges              map[watchedEdge]*watched
	said               map[string]*said // by what the alarm is about
}

type watchedEdge struct{ from, to, by string }

// watched is an edge as it was when it was last judged.
type watched struct {
	count, handled uint64
	factor         float64
}

type said struct {
	at      time.Time
	repeats int
}

// NewWatch makes a watch that says which factors and gains are over these.
func NewWatch(maxFactor, maxGain float64) *Watch {
	return &Watch{maxFactor: maxFactor, maxGain: maxGain, edges: map[watchedEdge]*watched{}, said: map[string]*said{}}
}

// interval is how often Run looks.
const interval = time.Second

// Run looks at samples each second until done is closed, and tells of alarms. It asks for the
// limits each time, as they may change.
func (w *Watch) Run(done <-chan struct{}, limits func() (maxFactor, maxGain float64), samples func() []Sample, tell func(Alarm)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			w.maxFactor, w.maxGain = limits()
			for _, a := range w.Check(samples(), now) {
				tell(a)
			}
		}
	}
}

// Check judges the edges of which enough was handled since they were last judged, and the cycles
// they are in. It gives the highest values first, and a few at most. The counts of an edge never
// fall.
func (w *Watch) Check(samples []Sample, now time.Time) []Alarm {
	var over []Alarm
	judged := map[[2]string]bool{}
	for _, s := range samples {
		factor, ok := w.judge(s)
		if !ok {
			continue
		}
		judged[[2]string{s.From, s.To}] = true
		if factor > w.maxFactor {
			over = append(over, Alarm{Kind: "factor", Types: []string{s.From, s.To}, Handler: s.By, Value: factor, Threshold: w.maxFactor})
		}
	}
	if len(judged) > 0 {
		over = append(over, w.cycles(judged)...)
	}
	slices.SortStableFunc(over, func(a, b Alarm) int { return cmp.Compare(b.Value, a.Value) })
	return w.speak(over, now)
}

// judge returns the factor since the edge was last judged. Events that are being handled may count
// on one side only, so they are added to the handled ones: the factor is up to a tenth too low and
// never too high. A loop that passes on exactly one event for each must not seem to grow.
func (w *Watch) judge(s Sample) (factor float64, ok bool) {
	key := watchedEdge{s.From, s.To, s.By}
	last := w.edges[key]
	if last == nil {
		last = &watched{}
		w.edges[key] = last
	}
	handled := s.Handled - last.handled
	if handled < minHandled*uint64(s.Workers) {
		return 0, false
	}
	factor = float64(s.Count-last.count) / float64(handled+uint64(s.Workers))
	*last = watched{s.Count, s.Handled, factor}
	return factor, true
}

// cycles returns the cycles over the threshold that some judged edge is in.
func (w *Watch) cycles(judged map[[2]string]bool) (alarms []Alarm) {
	var edges []arc
	for key, e := range w.edges {
		if e.factor > 0 {
			edges = append(edges, arc{key.from, key.to, e.factor})
		}
	}
	found, _ := cyclesOf(edges)
	for _, c := range found {
		fresh := false
		for i, from := range c.Types {
			fresh = fresh || judged[[2]string{from, c.Types[(i+1)%len(c.Types)]}]
		}
		if fresh && c.Gain > w.maxGain {
			alarms = append(alarms, Alarm{Kind: "gain", Types: c.Types, Value: c.Gain, Threshold: w.maxGain})
		}
	}
	return alarms
}

// speak returns the alarms that are to be given now, and counts the others as repeats. What nothing
// was said of for long is forgotten, so that the memory of it is bounded.
func (w *Watch) speak(over []Alarm, now time.Time) (alarms []Alarm) {
	maps.DeleteFunc(w.said, func(_ string, last *said) bool { return now.Sub(last.at) >= 2*silence })
	for _, a := range over {
		about := a.Handler + "\x00" + strings.Join(a.Types, "\x00")
		last := w.said[about]
		switch {
		case last != nil && now.Sub(last.at) < silence:
			last.repeats++
			continue
		case len(alarms) == maxAlarms:
			continue
		case last != nil:
			a.Repeats = last.repeats
		}
		w.said[about] = &said{at: now}
		alarms = append(alarms, a)
	}
	return alarms
}
