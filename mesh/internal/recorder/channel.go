package recorder

import (
	"fmt"
	"strings"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Step is what can become of an event, as the trace point knows it.
type Step struct {
	Type    string
	Outcome stats.Outcome
	Place   string // "emit", "handler count"
	Rule    string
}

// Channel records one step of events. Its methods are safe for concurrent use.
type Channel struct {
	recorder *Recorder
	step     Step
	number   uint32
	class    class
	// entry steps have the time of the event's emit: no clock is read for them.
	entry bool

	told atomic.Uint64 // events of the step that records tell of

	// Of refusals: how many there were in this second.
	second atomic.Int64
	seen   atomic.Uint64
}

// class says where the records of a step go.
type class uint8

const (
	nowhere class = iota
	usual
	trouble
	refusals // trouble of which there may be very much
)

// classOf says what is recorded of an outcome. What follows from other records is left out: an event
// that was admitted is delivered to all handlers that did not shed it, and a call that has ended has
// begun.
func classOf(s Step) class {
	switch s.Outcome {
	case stats.Admitted, stats.Imported, stats.Handled, stats.Exported, stats.Unheard, stats.Stored, stats.Acknowledged, stats.Coalesced:
		return usual
	case stats.Delayed:
		if s.Place == "emit" || s.Place == "export" {
			return nowhere // the event has no id yet
		}
		return usual
	case stats.Failed, stats.Retried, stats.Returned, stats.Lost, stats.DeadLettered, stats.Rerooted:
		return trouble
	case stats.Refused, stats.Shed:
		return refusals
	}
	return nowhere
}

const (
	// wholeRefusals of a step are recorded each second, and then one in oneInRefusals.
	wholeRefusals = 32
	oneInRefusals = 1024
)

// Wants reports whether one more event that takes the step is to be recorded: all are, but for a
// storm of refusals. The nil Channel wants none.
func (c *Channel) Wants() bool {
	if c == nil || c.class != refusals {
		return c != nil
	}
	if second := c.recorder.clock.Coarse() >> 30; c.second.Load() != second {
		c.second.Store(second)
		c.seen.Store(0)
	}
	n := c.seen.Add(1)
	return n <= wholeRefusals || n%oneInRefusals == 0
}

// Span is when a handler was called, as of the node's clock, and how long it ran. The zero Span is
// no call.
type Span struct{ Begun, Took int64 }

// Note records that an event takes the step. total is how many have so far. What has no id is no
// event. It never waits, and allocates nothing but the text of err.
func (c *Channel) Note(h *cause.Header, total uint64, s Span, err error) {
	r := c.recorder
	if h.ID.IsZero() {
		return
	}
	var at int64
	switch {
	case c.entry:
		at = h.At()
	case s.Begun != 0:
		at = r.clock.Stamp(s.Begun)
	default:
		at = r.clock.Wall()
	}
	if c.class != usual {
		r.noteTrouble(c, h, at, s.Took, total, err)
		return
	}
	r.put(c, total>>homeBits, h, at, s.Took)
	if r.followed.Load().has(&h.Root) || why.Sampled(h.Root) {
		r.follow(c, h, at, s.Took)
	}
	if s.Took >= r.slow || s.Begun != 0 && at+s.Took-h.At() >= r.slow && h.Origin() == r.node {
		r.noteTrouble(c, h, at, s.Took, total, nil)
	}
}

// newly is how many events a record tells of: those since the one before. Records that are made at
// the same time may tell of each other's.
func (c *Channel) newly(total uint64) uint32 {
	before := c.told.Swap(total)
	if total <= before {
		return 1
	}
	return uint32(min(total-before, 1<<32-1))
}

// textOf is what a record can hold of an error. It goes by way of fmt, which survives an Error method
// that panics.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	text := fmt.Sprint(err)
	if len(text) > maxText {
		text = text[:maxText-len("…")] + "…"
	}
	return strings.ToValidUTF8(strings.Clone(text), "?")
}
