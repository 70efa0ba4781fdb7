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
	// entry steps are those that Emit itself notes. They have the time of the emit: no clock is
	// read for them. That nobody read an event is one, also where that was seen later.
	entry bool

	// Of what goes wrong: this second with how often it was so far in it, and how often since the
	// last record.
	storm   storm
	skipped atomic.Uint64
}

// class says where the records of a step go.
type class uint8

const (
	nowhere class = iota
	usual
	trouble
	refusals // trouble of which there may be very much
)

// classOf says what is recorded of an outcome. What follows from other records is left out: an
// event that was admitted is delivered to all handlers that did not shed it, and a call that has
// ended has begun.
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
	// So many of a step in one second as the ring has in wholeTrouble parts are recorded of what
	// else goes wrong, and then one in oneInTrouble. Those of cascades that are kept are recorded
	// all.
	wholeTrouble = 16
	oneInTrouble = 64
)

// Wants reports whether one more event that takes the step is to be recorded: all are, but for a
// storm of what goes wrong, and for one that has no id. h is nil if the event has no header yet.
// The nil Channel wants none.
func (c *Channel) Wants(h *cause.Header) bool {
	switch {
	case c == nil:
		return false
	case c.class == usual:
		return true
	case h != nil && h.ID.IsZero(): // it would not be noted
		return false
	}
	whole, oneIn := uint32(wholeRefusals), uint32(oneInRefusals)
	if c.class == trouble {
		whole, oneIn = uint32(c.recorder.trouble.length()/wholeTrouble), oneInTrouble
		if h != nil && c.recorder.followed.Load().has(&h.Root) {
			return true
		}
	}
	n := c.storm.next(uint32(c.recorder.clock.Coarse() >> 30))
	if n <= whole || n%oneIn == 0 {
		return true
	}
	c.skipped.Add(1)
	return false
}

// Span is when a handler was called, as of the node's clock, and how long it ran. The zero Span is
// no call.
type Span struct{ Begun, Took int64 }

// Note records that an event takes the step. total is how many have so far. What has no id is no
// event. It never waits, and allocates nothing but the text of err.
func (c *Channel) Note(h *cause.Header, total uint64, s Span, err error) {
	r := c.recorder
	if h.ID.IsZero() || c.entry && h.Origin() != r.node { // of an import there is a record just before
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
		r.noteTrouble(c, h, at, s.Took, err)
		return
	}
	r.put(c, total>>homeBits, h, at, s.Took)
	if r.followed.Load().has(&h.Root) || why.Sampled(h.Root) {
		r.follow(c, h, at, s.Took)
	}
	if slow := r.slow.Load(); s.Took >= slow || s.Begun != 0 && at+s.Took-h.At() >= slow && h.Origin() == r.node {
		r.noteTrouble(c, h, at, s.Took, nil)
	}
}

// textOf is what a record can hold of an error. It goes by way of fmt, which survives an Error
// method that panics.
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
