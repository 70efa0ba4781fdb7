package steps

import (
	"strconv"
	"sync/atomic"

	"leafmesh/mesh/cause"
)

// Point is where events take a step. It stands on a cache line of its own, since emitters and
// workers count side by side. Its methods are safe for concurrent use.
type Point struct {
	count atomic.Uint64
	heard *listeners
	_     [(64 - strconv.IntSize) / 4]byte // what the rest is shorter where pointers have 4 bytes
	step  Step                             // its size keeps the next point's count off this cache line
}

// Pass counts one event that takes the step, and tells who listens. The header is copied if it is
// told.
func (p *Point) Pass(h *cause.Header) { // just short enough to be inlined
	p.count.Add(1)
	if p.heard.on.Load() != 0 {
		p.tellOne(h)
	}
}

// Note is Pass for a step that is not counted.
func (p *Point) Note(h *cause.Header) {
	if p.heard.on.Load() != 0 {
		p.tellOne(h)
	}
}

// PassError is Pass for a step with a reason.
func (p *Point) PassError(h *cause.Header, err error) {
	p.count.Add(1)
	if p.heard.on.Load() != 0 {
		p.tell(1, *h, err)
	}
}

// PassUnknown counts events of which nothing but the type is known.
func (p *Point) PassUnknown(count uint64, err error) {
	p.count.Add(count)
	if p.heard.on.Load() != 0 {
		p.tell(count, cause.Header{}, err)
	}
}

// Count counts one event whose header costs something to make, and reports whether somebody
// listens, who then has to be told with [Point.Tell].
func (p *Point) Count() (heard bool) {
	p.count.Add(1)
	return p.heard.on.Load() != 0
}

// Tell tells who listens of a step that was counted.
func (p *Point) Tell(h cause.Header, err error) { p.tell(1, h, err) }

// Step is the step that the point counts.
func (p *Point) Step() Step { return p.step }

// Load is how many events took the step so far.
func (p *Point) Load() uint64 { return p.count.Load() }

//go:noinline
func (p *Point) tellOne(h *cause.Header) { p.tell(1, *h, nil) }

func (p *Point) tell(count uint64, h cause.Header, err error) {
	listeners := p.heard.list.Load()
	if listeners == nil { // the last one has gone meanwhile
		return
	}
	for _, l := range *listeners {
		l.Note(Passage{Step: &p.step, Header: h, Count: count, Err: err})
	}
}
