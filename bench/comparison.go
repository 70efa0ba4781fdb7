package main

import (
	"context"
	"errors"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh"
)

// measureTimeout ends a measurement in which an event was lost.
const measureTimeout = 2 * time.Minute

// comparison is two sides measured in turn.
type comparison struct {
	ours, other side
	events      int // of a throughput run
	delays      int // of a delay run; 0: none
	aims        []aim
}

// comparisons lists what is compared. Slow ones get a share of the events, so
// that the whole takes under a minute.
func comparisons(events int, log string) []comparison {
	local, link, delays := meshLocal(), meshLink(), max(1, events/50)
	some := func(share int) int { return max(1, events/share) }
	return slices.Concat([]comparison{
		{local, natsLocal(false), events, delays, []aim{
			{what: "local: throughput", metric: throughput, limit: 6},
			{what: "local: one-way delay, p50", metric: delay, limit: 1. / 8},
		}},
		{local, natsLocal(true), some(2), delays, []aim{
			{what: "local: throughput", metric: throughput},
			{what: "local: one-way delay, p50", metric: delay},
		}},
		{local, goChannel(true), some(10), delays, []aim{
			{what: "local: throughput", metric: throughput, limit: 25},
			{what: "local: one-way delay, p50", metric: delay},
		}},
		{local, goChannel(false), some(10), 0, []aim{{what: "local: throughput", metric: throughput}}},
		{local, bareChannel(), 2 * events, 0, []aim{
			{what: "local: time for an event", metric: cost, limit: 2.5},
			{what: "local: allocations for an event", metric: allocations, limit: allowedAllocations},
		}},
		besideComparison("type", 0, openBesideType, 2*events, delays),
		besideComparison("key", 0, openBesideKey, 2*events, delays),
		besideComparison("peer", peerRate, openBesidePeer, some(200), some(200)),
		{meshPlainLink(), natsLink(), some(5), delays, []aim{
			{what: "one hop p50", metric: delay, limit: 1.05},
			{what: "one hop: throughput", metric: throughput, limit: 2},
		}},
		{link, meshPlainLink(), some(5), delays, []aim{
			{what: "one hop by TLS: p50", metric: delay, limit: 1.3},
			{what: "one hop by TLS: throughput", metric: throughput, limit: 0.7},
		}},
	}, manyComparisons(events, log), durableComparisons(events))
}

// durableComparisons lists those of durable exports, beside raw JetStream.
func durableComparisons(events int) []comparison {
	some := func(share int) int { return max(1, events/share) }
	size := max(20_000, events/5)
	return []comparison{
		{meshStored(true), rawStored(async, 0), some(10), some(250), []aim{
			{what: "durable: throughput", metric: throughput, limit: 3},
			{what: "durable: one at a time", metric: delay, limit: 1.25},
		}},
		{meshStored(true), rawStored(async, envelopeBytes), some(10), 0, []aim{{what: "durable: throughput", metric: throughput}}},
		{meshStored(false), rawStored(concurrent, 0), some(10), 0, []aim{{what: "durable: 64 goroutines", metric: throughput, limit: 2}}},
		{meshStored(false), rawStored(async, 0), some(10), 0, []aim{{what: "durable: 64 goroutines", metric: throughput}}},
		{meshDurable(mesh.OrderedNo, 1), rawDurable(), some(10), some(250), []aim{
			{what: "durable, one hop", metric: throughput, limit: 2},
			{what: "durable, one hop p50", metric: delay, limit: 1.05},
		}},
		{meshBesideDrain(&size, true), meshBesideDrain(&size, false), 3 * events, events, []aim{
			{what: "beside a drain: throughput", metric: throughput},
			{what: "beside a drain: delay, p50", metric: delay},
			{what: "beside a drain: delay, p99", metric: tail},
		}},
		{meshBesideDrain(&size, true), meshBesideRawDrain(&size), 3 * events, events, []aim{
			{what: "beside a drain: throughput", metric: throughput, limit: 0.9},
			{what: "beside a drain: delay, p50", metric: delay, limit: 1.15},
			{what: "beside a drain: delay, p99", metric: tail, limit: 1.15},
			{what: "the drain", metric: drained},
		}},
		{meshDurable(mesh.OrderedByKey, teams), meshDurable(mesh.OrderedNo, teams), some(10), 0, []aim{
			{what: "ordered by key: throughput", metric: throughput, limit: 0.7},
		}},
		{meshDurable(mesh.OrderedByKey, 1), meshDurable(mesh.OrderedNo, 1), some(50), 0, []aim{
			{what: "ordered by key, all of one: throughput", metric: throughput},
		}},
		{meshFar(mesh.OrderedByKey), meshFar(mesh.OrderedNo), some(50), 0, []aim{
			{what: "ordered, 50 ms round trip", metric: rate, limit: 1000},
		}},
	}
}

// besideComparison compares what a flood's neighbours get with the flood and
// without.
func besideComparison(by string, rate int, open func(context.Context, func()) (*beside, error), events, delays int) comparison {
	with, without := besideFlood(by, rate, open)
	what := "beside a flood by " + by + ": "
	return comparison{with, without, events, delays, []aim{
		{what: what + "throughput", metric: throughput, limit: 0.97},
		{what: what + "one-way delay, p50", metric: delay},
		{what: what + "one-way delay, p99", metric: tail, limit: 1.5},
		{what: what + "heap growth, MB", metric: growth, limit: 1},
	}}
}

// String names the comparison: "leafmesh local / Go channel".
func (c comparison) String() string { return c.ours.name + " / " + c.other.name }

// matches reports whether the name of a comparison, or of one of its rows, contains a text.
func (c comparison) matches(text string) bool {
	return strings.Contains(c.String(), text) ||
		slices.ContainsFunc(c.aims, func(a aim) bool { return strings.Contains(a.what, text) })
}

// pair is one turn of both sides.
type pair struct {
	Ours  figures `json:"ours"`
	Other figures `json:"other"`
}

// figures are what was measured of one side in one turn.
type figures struct {
	Nanos  float64 `json:"ns_per_event"`     // wall time
	CPU    float64 `json:"cpu_ns_per_event"` // of all threads of the process
	Allocs float64 `json:"allocs_per_event"`
	Delay  float64 `json:"delay_p50_ns,omitempty"`
	Tail   float64 `json:"delay_p99_ns,omitempty"`
	Heap   float64 `json:"heap_bytes"`             // in use, at the end of the throughput run
	Beside float64 `json:"beside_per_s,omitempty"` // what a drain handled, a second
	// Of some comparisons:
	Bytes    float64 `json:"bytes_per_event,omitempty"`
	Envelope float64 `json:"envelope_bytes,omitempty"` // the median
	Resident float64 `json:"resident_bytes,omitempty"` // of a process
	Idling   float64 `json:"idle_ns_per_s,omitempty"`  // processor time of an idle process
}

// maxAgain is how often a turn is repeated whose backlog, each time twice as large, did not last.
const maxAgain = 6

// measure measures both sides once, one after the other.
func (c comparison) measure(ctx context.Context) (p pair, err error) {
	for _, turn := range []struct {
		side  side
		label string
		into  *figures
	}{{c.ours, "ours", &p.Ours}, {c.other, "other", &p.Other}} {
		*turn.into, err = c.turn(ctx, turn.side, turn.label)
		for again := 0; errors.Is(err, errDrained) && again < maxAgain; again++ {
			*turn.into, err = c.turn(ctx, turn.side, turn.label)
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// turn measures one side once. The label marks its goroutines in a CPU profile.
func (c comparison) turn(ctx context.Context, s side, label string) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	pprof.Do(ctx, pprof.Labels("side", label, "comparison", c.String()), func(ctx context.Context) {
		if f, err = s.throughput(ctx, c.events); err != nil || c.delays == 0 {
			return
		}
		var all []time.Duration
		if all, err = s.delay(ctx, c.delays); err == nil {
			f.Delay, f.Tail = float64(all[len(all)/2]), float64(all[len(all)*99/100])
		}
	})
	return f, err
}
