package handout

import (
	"math"
	"slices"

	"pgregory.net/rapid"
)

// What the outbox does beside giving and hearing.

// arrive lets what a reader was given come as far as an event.
func (r *run) arrive() {
	if name, e := r.someHold(); e != nil {
		r.model.progress(name, e)
		r.shelf.Progress(name, e.Sequence, r.model.now)
	}
	r.shelf.Progress("nobody", r.model.position, r.model.now)
}

// withdraw takes back an event that was not sent.
func (r *run) withdraw() {
	if name, e := r.someHold(); e != nil {
		r.model.readers[name].drop(e)
		r.shelf.Withdraw(name, e.Sequence, r.model.now)
	}
	r.shelf.Withdraw("nobody", r.model.position, r.model.now)
}

// lose gives up what is oldest and nobody has.
func (r *run) lose() {
	if rapid.IntRange(0, 3).Draw(r.T, "seldom") > 0 || len(r.model.events) == 0 {
		return
	}
	upTo := rapid.SampledFrom(r.model.events).Draw(r.T, "event").Sequence
	for _, e := range r.model.events {
		had := false
		for _, reader := range r.model.readers {
			had = had || reader.hold(e) != nil
		}
		e.settled = e.settled || e.Sequence <= upTo && !had
	}
	left := r.shelf.LeftAfter(upTo)
	before := r.shelf.Unsettled()
	lost := r.shelf.Lose(upTo, r.model.now)
	if after := r.shelf.Unsettled(); after != left || before-after != lost {
		r.Fatalf("%d of %d were to be left after %d, and %d are; %d are said to be lost", left, before, upTo, after, lost)
	}
}

// reopen begins anew behind an event.
func (r *run) reopen() {
	gone := func(e *modelEvent) bool { return e.gone } // the shelf does not hear of it again
	if rapid.IntRange(0, 9).Draw(r.T, "seldom") > 0 || len(r.model.events) == 0 || slices.ContainsFunc(r.model.events, gone) {
		return
	}
	after := rapid.SampledFrom(r.model.events).Draw(r.T, "event").Sequence
	after = min(after, r.shelf.Floor())
	for _, e := range r.model.events {
		if e.Sequence > after {
			*e = modelEvent{Entry: e.Entry, gone: e.gone, done: map[string]bool{}, due: math.MinInt64}
		}
	}
	for _, reader := range r.model.readers {
		reader.held = nil
	}
	r.shelf.Reopen(after, r.model.now)
	if floor := r.shelf.Floor(); floor != after {
		r.Fatalf("the floor is %d after it was reopened at %d", floor, after)
	}
	r.reread(math.MaxInt)
}

func (r *run) someHold() (name string, e *modelEvent) {
	name, ok := r.someReader()
	if !ok || len(r.model.readers[name].held) == 0 {
		return "", nil
	}
	return name, rapid.SampledFrom(r.model.readers[name].held).Draw(r.T, "hold").event
}
