package steps

import (
	"sync/atomic"

	"leafmesh/mesh/stats"
)

// Tally has the points of one event type at one consumer: a handler, an export or the tap.
type Tally struct {
	Type  string
	Place Place
	// Workers is how many goroutines count here. It is set before the first does.
	Workers int

	Delivered, Begun, Handled, Failed, Retried, Returned *Point
	Exported, Unheard, Tapped                            *Point

	// By the rules that every consumer has.
	ShedFull, ShedCut, ShedBreaker, ShedReader        *Point
	RefusedFull, RefusedClosed                        *Point
	LostClosed, LostMalformed, LostOversize, LostSlow *Point

	edges    *edges
	children children              // what a handler emitted for the events
	gauge    atomic.Pointer[Gauge] // nil: how long they take is not measured
}

// newTally makes the tally of a type at a place out of points.
func newTally(subject string, place Place, edges *edges, pointOf func(Step) *Point) *Tally {
	point := func(outcome stats.Outcome, rule string) *Point {
		return pointOf(Step{subject, outcome, place, rule})
	}
	return &Tally{
		Type: subject, Place: place, Workers: 1, edges: edges,
		Delivered: point(stats.Delivered, ""), Begun: point(stats.Begun, ""), Handled: point(stats.Handled, ""),
		Failed: point(stats.Failed, ""), Retried: point(stats.Retried, ""), Returned: point(stats.Returned, ""),
		Exported: point(stats.Exported, ""), Unheard: point(stats.Unheard, ""), Tapped: point(stats.Tapped, ""),
		ShedFull: point(stats.Shed, stats.QueueFull), ShedCut: point(stats.Shed, stats.Cut), ShedBreaker: point(stats.Shed, stats.Breaker), ShedReader: point(stats.Shed, stats.ReaderLimit),
		RefusedFull: point(stats.Refused, stats.QueueFull), RefusedClosed: point(stats.Refused, stats.Closed),
		LostClosed: point(stats.Lost, stats.Closed), LostMalformed: point(stats.Lost, stats.Malformed), LostOversize: point(stats.Lost, stats.PayloadSize), LostSlow: point(stats.Lost, stats.SlowConsumer),
	}
}

// Done counts the events that a handler is done with: handled or given up.
func (t *Tally) Done() uint64 { return t.Handled.Load() + t.Failed.Load() }

// Type has the points of one event type that are at no consumer.
type Type struct {
	Subject                              string
	Admitted, Imported, Rerooted, Stored *Point
}

// newType makes the points of an event type.
func newType(subject string, pointOf func(Step) *Point) *Type {
	point := func(outcome stats.Outcome) *Point { return pointOf(Step{Type: subject, Outcome: outcome}) }
	return &Type{Subject: subject, Admitted: point(stats.Admitted), Imported: point(stats.Imported),
		Rerooted: point(stats.Rerooted), Stored: point(stats.Stored)}
}
