package steps

import (
	"strconv"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/recorder"
)

// Point is where events take a step. It stands on a cache line of its own, since emitters and
// workers count side by side. Its methods are safe for concurrent use.
type Point struct {
	count atomic.Uint64
	// told is above zero while somebody is to be told of the step: who listens, or the recorder.
	told    *atomic.Uint32
	heard   *listeners
	channel *recorder.Channel                // nil: the step is not recorded
	_       [(64 - strconv.IntSize) / 4]byte // what the rest is shorter where pointers have 4 bytes
	step    Step                             // its size keeps the next point's count off this cache line
}

// Pass counts one event that takes the step, and tells who listens. The header is copied if it is
// told.
func (p *Point) Pass(h *cause.Header) { // just short enough to be inlined
	p.count.Add(1)
	if p.told.Load() != 0 {
		p.tellOne(h)
	}
}

// Note is Pass for a step that is not counted.
func (p *Point) Note(h *cause.Header) {
	if p.told.Load() != 0 {
		p.tellOne(h)
	}
}

// Span is when a handler was called, as of the node's clock, and how long it ran. The zero Span is
// no call.
type Span = recorder.Span

// PassSpan is Pass for the end of a handler's call, with a reason or nil.
func (p *Point) PassSpan(h *cause.Header, s Span, err error) {
	p.count.Add(1)
	if p.told.Load() != 0 {
		p.tellSpan(h, s, err)
	}
}

// PassError is Pass for a step with a reason.
func (p *Point) PassError(h *cause.Header, err error) {
	p.count.Add(1)
	if p.told.Load() != 0 {
		p.tellSpan(h, Span{}, err)
	}
}

// PassUnknown counts events of which nothing but the type is known.
func (p *Point) PassUnknown(count uint64, err error) {
	p.count.Add(count)
	if p.told.Load() != 0 {
		p.tell(count, &cause.Header{}, err)
	}
}

// Told says who is to be told of a step; 0 is nobody.
type Told uint8

const (
	toRecorder Told = 1 << iota
	toListeners
)

// Count counts one event whose header costs something to make, and says who is to be told, with
// [Point.Tell].
func (p *Point) Count() (told Told) {
	p.count.Add(1)
	if p.told.Load() == 0 {
		return 0
	}
	if p.channel.Wants(nil) {
		told |= toRecorder
	}
	if p.heard.on.Load() != 0 {
		told |= toListeners
	}
	return told
}

// Tell tells of a step that was counted.
func (p *Point) Tell(told Told, h cause.Header, err error) {
	if told&toRecorder != 0 {
		p.channel.Note(&h, p.count.Load(), Span{}, err)
	}
	if told&toListeners != 0 {
		p.tell(1, &h, err)
	}
}

// Recorded reports whether the flight recorder wants the spans of calls.
func (p *Point) Recorded() bool { return p.channel != nil }

// Step is the step that the point counts.
func (p *Point) Step() Step { return p.step }

// Load is how many events took the step so far.
func (p *Point) Load() uint64 { return p.count.Load() }

//go:noinline
func (p *Point) tellOne(h *cause.Header) { p.tellSpan(h, Span{}, nil) }

// tellSpan tells the recorder, which is no listener: what it records costs less than it would to
// make a Passage of it and to call it by an interface. Measured: 45 ns an event.
func (p *Point) tellSpan(h *cause.Header, s Span, err error) {
	if p.channel.Wants(h) {
		p.channel.Note(h, p.count.Load(), s, err)
	}
	if p.heard.on.Load() != 0 {
		p.tell(1, h, err)
	}
}

func (p *Point) tell(count uint64, h *cause.Header, err error) {
	listeners := p.heard.list.Load()
	if listeners == nil { // nobody, or the last one has gone meanwhile
		return
	}
	for _, l := range *listeners {
		l.Note(Passage{Step: &p.step, Header: *h, Count: count, Err: err})
	}
}
