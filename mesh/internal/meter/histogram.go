package meter

import (
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// Histogram counts durations. Make one with [New]. Its methods are safe for concurrent use.
type Histogram struct {
	counts   []atomic.Uint64 // by cell
	sum      atomic.Int64    // nanoseconds
	examples [len(stats.HistogramBounds) + 1]atomic.Pointer[stats.Example]
}

// New makes an empty histogram.
func New() *Histogram { return &Histogram{counts: make([]atomic.Uint64, len(cells))} }

// exampleFor is how long an example stands before a newer one takes its place.
const exampleFor = int64(time.Second)

// Observe counts a duration that stands for so many events. It was seen at a time in nanoseconds
// since 1970, at an event of a cascade.
func (h *Histogram) Observe(d time.Duration, standsFor uint64, root cause.ID, at int64) {
	d = max(d, 0) // two clocks may disagree
	i := cellOf(d)
	h.counts[i].Add(standsFor)
	h.sum.Add(int64(d) * int64(standsFor))
	slot := &h.examples[cells[i].classic]
	if old := slot.Load(); old == nil || at-old.At.UnixNano() >= exampleFor {
		slot.CompareAndSwap(old, &stats.Example{Root: root, Value: d, At: time.Unix(0, at)})
	}
}

// Read gives what was counted. The buckets are read one after the other while others count.
func (h *Histogram) Read() stats.Histogram {
	read := stats.Histogram{Sum: time.Duration(h.sum.Load()), Classic: make([]uint64, len(stats.HistogramBounds)+1)}
	for i := range h.counts {
		count := h.counts[i].Load()
		if count == 0 {
			continue
		}
		c := cells[i]
		read.Count += count
		read.Classic[c.classic] += count
		last := len(read.Native) - 1
		switch {
		case c.native == zeroBucket:
			read.Zero += count
		case last >= 0 && read.Native[last].Index == c.native:
			read.Native[last].Count += count
		default:
			read.Native = append(read.Native, stats.NativeBucket{Index: c.native, Count: count})
		}
	}
	for i := range h.examples {
		if e := h.examples[i].Load(); e != nil {
			read.Examples = append(read.Examples, *e)
		}
	}
	return read
}
