package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// metric is what a ratio is of.
type metric string

const (
	throughput  metric = "throughput" // ours over the other's: high is good
	cost        metric = "time"       // of an event, ours over the other's: low is good
	delay       metric = "delay"      // from emit to handler: low is good
	tail        metric = "delay p99"
	drained     metric = "drained" // throughput of a drain that goes on beside
	rate        metric = "rate"    // ours alone, events a second: high is good
	growth      metric = "growth"  // of the heap in use after a garbage collection, ours minus the other's, in MB
	allocations metric = "allocations"
	added       metric = "added time" // of an event, ours minus the other's: low is good
	alone       metric = "time alone" // of an event, ours: low is good
	size        metric = "bytes"      // of an event, ours over the other's: low is good
	envelope    metric = "envelope"   // the median, in bytes, ours: low is good
	resident    metric = "memory"     // of a process, ours over the other's: low is good
	idling      metric = "idle time"  // of the processor in a second, ours over the other's: low is good
)

// allowedAllocations is what counts as none: the process allocates a little
// beside the events, for pings of the embedded server and timers.
const allowedAllocations = 0.01

// aim is one row of the table.
type aim struct {
	what   string
	metric metric
	limit  float64 // 0: shown without an aim
}

// row is one line of the table with the figures it comes from.
type row struct {
	What   string  `json:"what"`
	Metric metric  `json:"metric"`
	Ours   string  `json:"ours"`
	Other  string  `json:"other"`
	Median float64 `json:"median"` // of the pairs' ratios; of allocations and of a rate: ours; of growth: the difference
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	// CPU is the median ratio of processor time for an event, ours over the
	// other's; 0 where it says nothing.
	CPU   float64 `json:"cpu,omitempty"`
	Aim   string  `json:"aim,omitempty"`
	Met   *bool   `json:"met,omitempty"`
	Pairs []pair  `json:"pairs"`

	oursFigure, otherFigure string
}

// rows makes the table's lines of a comparison.
func (c comparison) rows(pairs []pair) []row {
	var rows []row
	for _, a := range c.aims {
		r := row{What: a.what, Metric: a.metric, Ours: c.ours.name, Other: c.other.name, Pairs: pairs}
		ratios := each(pairs, a.metric.ratio)
		slices.Sort(ratios)
		r.Median, r.Least, r.Most = middle(ratios), ratios[0], ratios[len(ratios)-1]
		r.oursFigure = a.metric.text(middle(each(pairs, func(p pair) float64 { return a.metric.of(p.Ours) })))
		r.otherFigure = a.metric.text(middle(each(pairs, func(p pair) float64 { return a.metric.of(p.Other) })))
		if a.metric == throughput || a.metric == cost {
			r.CPU = middle(each(pairs, pair.cpuRatio))
		}
		if a.limit != 0 {
			met := a.metric.meets(r.Median, a.limit)
			r.Aim, r.Met = a.metric.aim(a.limit), &met
		}
		rows = append(rows, r)
	}
	return rows
}

// of is the metric's figure of one side.
func (m metric) of(f figures) float64 {
	switch m {
	case throughput, rate:
		return 1e9 / f.Nanos
	case cost, added, alone:
		return f.Nanos
	case size:
		return f.Bytes
	case envelope:
		return f.Envelope
	case resident:
		return f.Resident / 1e6
	case idling:
		return f.Idling
	case delay:
		return f.Delay
	case tail:
		return f.Tail
	case growth:
		return f.Heap / 1e6
	case drained:
		return f.Beside
	default:
		return f.Allocs
	}
}

// ratio is ours over the other's; of allocations, where the other's may be none, of a rate and what
// else is of interest alone it is ours, and of growth and what is added the difference.
func (m metric) ratio(p pair) float64 {
	switch m {
	case allocations, rate, alone, envelope:
		return m.of(p.Ours)
	case growth, added:
		return m.of(p.Ours) - m.of(p.Other)
	}
	return m.of(p.Ours) / m.of(p.Other)
}

// cpuRatio is 0 where the processor time is not known.
func (p pair) cpuRatio() float64 {
	if p.Other.CPU == 0 {
		return 0
	}
	return p.Ours.CPU / p.Other.CPU
}

func (m metric) meets(value, limit float64) bool {
	if m == throughput || m == drained || m == rate {
		return value >= limit
	}
	return value <= limit
}

func (m metric) aim(limit float64) string {
	switch {
	case m == allocations:
		return "none"
	case m == throughput || m == drained:
		return fmt.Sprintf("≥ %.3g", limit)
	case m == rate:
		return "≥ " + m.text(limit)
	case m == added || m == alone || m == envelope:
		return "≤ " + m.text(limit)
	case m == growth:
		return fmt.Sprintf("≤ %.3g MB", limit)
	default:
		return fmt.Sprintf("≤ %.3g", limit)
	}
}

// text writes a figure with its unit.
func (m metric) text(value float64) string {
	switch m {
	case throughput, drained, rate:
		if value < 1e5 {
			return fmt.Sprintf("%.3gk/s", value/1e3)
		}
		return fmt.Sprintf("%.3gM/s", value/1e6)
	case growth, resident:
		return fmt.Sprintf("%.2f MB", value)
	case size, envelope:
		return fmt.Sprintf("%.0f bytes", value)
	case allocations:
		return fmt.Sprintf("%.2f", value)
	default:
		return roundDuration(time.Duration(value)).String()
	}
}

func roundDuration(d time.Duration) time.Duration {
	if d > 10*time.Microsecond {
		return d.Round(100 * time.Nanosecond)
	}
	return d
}

func each(pairs []pair, of func(pair) float64) []float64 {
	values := make([]float64, len(pairs))
	for i, p := range pairs {
		values[i] = of(p)
	}
	return values
}

// middle is the median, of an even number of values the upper one.
func middle[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
