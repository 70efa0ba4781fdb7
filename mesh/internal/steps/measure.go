package steps

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/meter"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// maxMeasured bounds what has a histogram of its own: the pairs of event types and handlers, the
// peers, and the types of roots. A histogram takes some 3 KB. All past it share one.
const maxMeasured = 256

// longestCascade is how long a cascade may have taken to be counted. An id that somebody has made
// up says nothing of when it began.
const longestCascade = 30 * 24 * time.Hour

// Of the events of a type at a handler each is measured up to so many in a tick of the clock, which
// is 5 ms, and of the others one of so many. To read the clock three times for each would cost a
// quarter of what an event costs. Of a burst the first alone would not do: it is the last that
// waits.
const (
	eachOfTick = 32
	stride     = 32
)

// Gauge measures the events of one type at one handler. One that is measured stands for those since
// the one measured before.
type Gauge struct {
	clock     *clock.Clock
	delivered *Point
	tick      atomic.Int64  // of the clock, at the last event
	before    atomic.Uint64 // how many were delivered when it began
	chosen    atomic.Uint64 // how many were delivered when one was measured last

	wait, handling *meter.Histogram
	cascades       *named
}

// Timing is what an event in a queue carries of its measuring. That of the zero Timing is none.
type Timing struct {
	entered   int64 // when, as of the node's clock; 0 once the wait was counted
	standsFor uint64
}

// Enter begins to measure an event that was just delivered, if it is chosen.
func (t *Tally) Enter() Timing {
	if g := t.gauge.Load(); g != nil {
		return g.enter()
	}
	return Timing{}
}

func (g *Gauge) enter() Timing {
	delivered, tick := g.delivered.Load(), g.clock.Coarse()
	if tick != g.tick.Load() {
		g.tick.Store(tick)
		g.before.Store(delivered - 1)
	}
	if delivered-g.before.Load() > eachOfTick && delivered%stride != 0 {
		return Timing{}
	}
	chosen := g.chosen.Load()
	if delivered <= chosen || !g.chosen.CompareAndSwap(chosen, delivered) {
		return Timing{} // another emitter counts this one, too
	}
	return Timing{entered: g.clock.Now(), standsFor: delivered - chosen}
}

// Call notes that the handler is called for an event, and tells when; 0: the event is not measured.
func (t *Tally) Call(m *Timing, h *cause.Header) (begun int64) {
	if m.standsFor == 0 {
		return 0
	}
	g := t.gauge.Load()
	begun = g.clock.Now()
	if m.entered != 0 {
		g.wait.Observe(time.Duration(begun-m.entered), m.standsFor, h.Root, g.clock.Stamp(begun))
		m.entered = 0
	}
	return begun
}

// Called notes that the handler has returned that was called at a time, unless that is 0. isEnd
// says whether it was done with the event and caused no other.
func (t *Tally) Called(m *Timing, h *cause.Header, begun int64, isEnd bool) {
	if begun == 0 {
		return
	}
	g := t.gauge.Load()
	now := g.clock.Now()
	at := g.clock.Stamp(now)
	g.handling.Observe(time.Duration(now-begun), m.standsFor, h.Root, at)
	path, took := h.Lineage(), max(0, time.Duration(at-h.Root.Made()))
	if isEnd && path != nil && took < longestCascade {
		g.cascades.of(path.Root().Subject()).Observe(took, m.standsFor, h.Root, at)
	}
}

// measures are the histograms of a node. The zero value measures nothing.
type measures struct {
	clock atomic.Pointer[clock.Clock] // nil: nothing is measured

	mu     sync.Mutex
	gauges map[*Tally]*Gauge // guarded by mu
	other  *Gauge            // guarded by mu: of tallies past maxMeasured

	links    named // by peer
	cascades named // by the type of the root
}

// named are histograms by names that come up while a node runs.
type named struct {
	all  sync.Map     // name → *meter.Histogram
	many atomic.Int32 // how many there are
}

// of returns the histogram of a name; that of "" if there are too many.
func (n *named) of(name string) *meter.Histogram {
	if known, ok := n.all.Load(name); ok {
		return known.(*meter.Histogram)
	}
	if name != "" && (n.many.Load() >= maxMeasured || n.many.Add(1) > maxMeasured) {
		return n.of("")
	}
	known, _ := n.all.LoadOrStore(name, meter.New())
	return known.(*meter.Histogram)
}

// each calls f with all.
func (n *named) each(f func(name string, h stats.Histogram)) {
	n.all.Range(func(name, h any) bool {
		f(name.(string), h.(*meter.Histogram).Read())
		return true
	})
}

// Measure begins to measure how long events wait and are handled, and how long they took over
// links. A second call does nothing.
func (t *Trace) Measure(c *clock.Clock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.measures.clock.CompareAndSwap(nil, c) {
		return
	}
	for _, tally := range t.tallies {
		t.measures.add(tally)
	}
}

// add measures the events of a tally, if any are measured and it is a handler's.
func (m *measures) add(t *Tally) {
	c := m.clock.Load()
	if c == nil || t.Place.Kind != Handler {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	g := &Gauge{clock: c, delivered: t.Delivered, cascades: &m.cascades}
	g.chosen.Store(t.Delivered.Load())
	if len(m.gauges) < maxMeasured {
		if m.gauges == nil {
			m.gauges = map[*Tally]*Gauge{}
		}
		g.wait, g.handling = meter.New(), meter.New()
		m.gauges[t] = g
	} else {
		if m.other == nil {
			m.other = &Gauge{wait: meter.New(), handling: meter.New()}
		}
		g.wait, g.handling = m.other.wait, m.other.handling
	}
	t.gauge.Store(g)
}

// Arrived notes that an event has come over a link.
func (t *Trace) Arrived(h *cause.Header) {
	m := &t.measures
	c := m.clock.Load()
	if c == nil {
		return
	}
	if peer := h.Origin(); peer != wire.UnknownNode { // else it became a root here
		now := c.Wall()
		m.links.of(peer).Observe(time.Duration(now-h.At()), 1, h.Root, now)
	}
}

// Durations gives what was measured, ordered by what it is of, type, place and peer.
func (t *Trace) Durations() (all []stats.Durations) {
	m := &t.measures
	m.mu.Lock()
	gauges, other := maps.Clone(m.gauges), m.other
	m.mu.Unlock()
	add := func(subject, place string, g *Gauge) {
		all = append(all, stats.Durations{Of: stats.MeasuredWait, Type: subject, Place: place, Histogram: g.wait.Read()},
			stats.Durations{Of: stats.MeasuredHandling, Type: subject, Place: place, Histogram: g.handling.Read()})
	}
	for tally, g := range gauges {
		add(tally.Type, tally.Place.String(), g)
	}
	if other != nil {
		add("", "", other)
	}
	m.links.each(func(peer string, h stats.Histogram) {
		all = append(all, stats.Durations{Of: stats.MeasuredLink, Peer: peer, Histogram: h})
	})
	m.cascades.each(func(subject string, h stats.Histogram) {
		all = append(all, stats.Durations{Of: stats.MeasuredCascade, Type: subject, Histogram: h})
	})
	all = slices.DeleteFunc(all, func(d stats.Durations) bool { return d.Count == 0 })
	slices.SortFunc(all, func(a, b stats.Durations) int {
		return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Peer, b.Peer))
	})
	return all
}
