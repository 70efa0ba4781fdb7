package stats

import (
	"time"

	"leafmesh/mesh/cause"
)

// Durations is how long one thing took, for the events of one type or peer. See
// mesh.Node.Durations.
type Durations struct {
	Of Measured
	// Type is that of the events of a wait or a handling, and of a cascade's root; "" for the types
	// that there was no room for.
	Type  string
	Place string // of a wait or a handling: "handler count"; "" as above
	Peer  string // of a link; "" for the peers that there was no room for
	Histogram
}

// Measured is what a duration is of.
type Measured string

const (
	// MeasuredWait is from when an event is in the queue of a handler until the handler is called
	// for the first time, with what rules of the handler keep it for.
	MeasuredWait Measured = "wait"
	// MeasuredHandling is one call of a handler, with what it emitted being stored.
	MeasuredHandling Measured = "handling"
	// MeasuredLink is from when a peer emitted an event until the event has passed the rules of the
	// import, by the two nodes' clocks. A durable event that comes again is not counted again.
	MeasuredLink Measured = "link"
	// MeasuredCascade is from when a cascade began until a handler was done with one of its events
	// and caused no other: the delay from end to end, by the clocks of the nodes where it began and
	// ended. A cascade with several ends is counted at each. One of a single event that stayed on
	// its node is not: its wait and its handling tell the same.
	MeasuredCascade Measured = "cascade"
)

// Histogram counts durations, in the two kinds of buckets that Prometheus knows.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	// Classic has a count for each of HistogramBounds: of durations up to it and over the bound
	// before. The last count is of those over all bounds.
	Classic []uint64
	// Native are the buckets with a count above zero, and Zero counts the durations up to
	// HistogramZero.
	Native []NativeBucket
	Zero   uint64
	// Examples are durations with the cascades they are of: for each classic bucket the last one,
	// as of a second ago.
	Examples []Example
}

// NativeBucket counts durations over 2^((Index-1)/8) and up to 2^(Index/8) seconds.
type NativeBucket struct {
	Index int
	Count uint64
}

// Example is a duration and the root of its cascade.
type Example struct {
	Root  cause.ID
	Value time.Duration
	At    time.Time
}

// HistogramSchema is Prometheus' number for native buckets of which 8 lie between a duration and
// its double.
const HistogramSchema = 3

// HistogramZero is up to where durations count as none: 2^-23 s.
const HistogramZero = time.Second >> 23

// HistogramBounds are those of classic buckets.
var HistogramBounds = [...]time.Duration{
	time.Microsecond, 10 * time.Microsecond, 100 * time.Microsecond,
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
	10 * time.Second, time.Minute, 10 * time.Minute,
}
