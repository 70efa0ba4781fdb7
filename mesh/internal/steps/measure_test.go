package steps

import (
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// Whatever types and peers there are, there are so many histograms and no more.
func TestHistogramsAreBounded(t *testing.T) {
	trace, c := New(nil), clock.New(nil)
	defer c.Close()
	const tallies = maxMeasured + 100
	for i := range tallies / 2 {
		trace.Tally(fmt.Sprintf("a.b.c%d", i), AtHandler("count"))
	}
	trace.Measure(c)
	trace.Measure(c) // changes nothing
	for i := range tallies {
		tally, h := trace.Tally(fmt.Sprintf("a.b.c%d", i), AtHandler("count")), cause.NewRoot(cause.NewTree(1<<10).Root(fmt.Sprintf("peer%d-1:a.b.c%d", i, i)), "", c.Wall())
		tally.Delivered.Pass(&h)
		m := tally.Enter()
		tally.Called(&m, &h, tally.Call(&m, &h), true)
		trace.Arrived(&h)
	}
	counts, histograms := map[stats.Measured]uint64{}, map[stats.Measured]int{}
	for _, d := range trace.Durations() {
		counts[d.Of] += d.Count
		histograms[d.Of]++
	}
	for _, of := range []stats.Measured{stats.MeasuredWait, stats.MeasuredHandling, stats.MeasuredLink, stats.MeasuredCascade} {
		if counts[of] != tallies || histograms[of] != maxMeasured+1 {
			t.Errorf("%s: %d events in %d histograms, want %d in %d", of, counts[of], histograms[of], tallies, maxMeasured+1)
		}
	}
}

// An id that somebody has made up says nothing of when its cascade began.
func TestACascadeOfAMadeUpID(t *testing.T) {
	trace, c := New(nil), clock.New(nil)
	defer c.Close()
	trace.Measure(c)
	tally := trace.Tally("a.b.c", AtHandler("count"))
	for _, root := range []cause.ID{{}, {1}, {0xFF}, cause.NewID(c.Wall() + int64(time.Hour))} {
		h := cause.NewRoot(cause.NewTree(1).Root("a-1:a.b.c"), "", c.Wall())
		h.Root = root
		tally.Delivered.Pass(&h)
		m := tally.Enter()
		tally.Called(&m, &h, tally.Call(&m, &h), true)
	}
	for _, d := range trace.Durations() {
		if d.Of == stats.MeasuredCascade && (d.Count != 2 || d.Sum != 0) || d.Count > 4 { // two began later than now
			t.Errorf("%+v", d)
		}
	}
}

// Of events that come quickly few are measured, and they stand for the others.
func TestOneStandsForMany(t *testing.T) {
	trace, c, h := New(nil), clock.New(nil), cause.Header{}
	defer c.Close()
	trace.Measure(c)
	tally := trace.Tally("a.b.c", AtHandler("count"))
	var measured, standFor uint64
	const events = 1000 * stride
	begun := time.Now()
	for range events {
		tally.Delivered.Pass(&h)
		if m := tally.Enter(); m.standsFor > 0 {
			measured++
			standFor += m.standsFor
		}
	}
	ticks := uint64(time.Since(begun)/(5*time.Millisecond)) + 2
	if standFor != events || measured < 1000 || measured > 1000+ticks*eachOfTick {
		t.Errorf("%d of %d were measured and stand for %d, in %d ticks", measured, events, standFor, ticks)
	}
}

// A place that is no handler is not measured, nor is any before Measure.
func TestOnlyHandlersAreMeasured(t *testing.T) {
	trace, c, h := New(nil), clock.New(nil), cause.Header{}
	defer c.Close()
	for _, at := range []Place{AtHandler("count"), At(Export), At(Tap)} {
		tally := trace.Tally("a.b.c", at)
		tally.Delivered.Pass(&h)
		if m := tally.Enter(); m != (Timing{}) || tally.Call(&m, &h) != 0 {
			t.Errorf("%s is measured before Measure", at)
		}
	}
	trace.Arrived(&h)
	trace.Measure(c)
	for _, at := range []Place{At(Export), At(Tap)} {
		tally := trace.Tally("a.b.c", at)
		tally.Delivered.Pass(&h)
		if m := tally.Enter(); m != (Timing{}) {
			t.Errorf("%s is measured", at)
		}
	}
	if got := trace.Durations(); len(got) > 0 {
		t.Errorf("measured %+v", got)
	}
}

// An event with a damaged causal header became a root here: when it was emitted is not known.
func TestAnEventOfNobodyHasNoDelay(t *testing.T) {
	trace, c := New(nil), clock.New(nil)
	defer c.Close()
	trace.Measure(c)
	h := cause.NewRoot(cause.NewTree(1).Root(wire.UnknownNode+":a.b.c"), "", 1)
	trace.Arrived(&h)
	if got := trace.Durations(); len(got) > 0 {
		t.Errorf("measured %+v", got)
	}
}

// Past so many names all share one histogram, and to find it takes no memory.
func TestNamesThatHaveNoHistogramOfTheirOwn(t *testing.T) {
	var n named
	for i := range 2 * maxMeasured {
		n.of(fmt.Sprint("name ", i))
	}
	if rest := n.of(""); n.of("another") != rest || n.of("name 0") == rest {
		t.Error("the first has none of its own, or one that came late has")
	}
	histograms := 0
	n.each(func(string, stats.Histogram) { histograms++ })
	if histograms != maxMeasured+1 || n.many.Load() != maxMeasured {
		t.Errorf("%d histograms, counted %d", histograms, n.many.Load())
	}
	if allocations := testing.AllocsPerRun(100, func() { n.of("another") }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
