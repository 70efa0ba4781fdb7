package inlet

import (
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
)

// isLast reports whether an event was tried so often that it does not come again if it fails now.
func (d *durable) isLast(t *taken) bool {
	return d.fateOf(t) == orphan || t.tries+1 >= uint64(d.settings.Redelivery.Tries)
}

// judge ends a handover. What failed for good, or for the last time, becomes a dead letter of its
// handler, which is then done with the event. If handlers are left that are not, it comes again;
// that counts as a try unless one of them is excused, who must not lose tries of its own.
func (d *durable) judge(t *taken, last bool, s delivery.Settlement) {
	last = last || d.fateOf(t) == orphan
	var left []delivery.Failure
	for _, f := range s.Failures {
		if !f.Excused && (f.Final || last) && d.bury(t, &f) {
			s.Done = append(s.Done, handlerOf(f.Place))
		} else {
			left = append(left, f)
		}
	}
	if len(left) == 0 {
		if t.tries > 0 && len(s.Failures) == 0 {
			d.Log.InfoAbout(&t.header, "event handled after failures", "peer", d.place.Peer, "deliveries", t.tries+1)
		}
		d.end(t)
		return
	}
	d.setDone(t, s.Done)
	switch {
	case slices.ContainsFunc(left, func(f delivery.Failure) bool { return f.Excused }):
		t.excused++
		after := d.pauseFor(t, left)
		d.noteReturning(t, left, after)
		d.giveBack(t, after)
	default:
		after := d.backoff(t, 1)
		d.noteReturning(t, left, after)
		d.comeBack(t, wire.Again, after)
	}
}

// pauseFor is how long an event stays away that nobody is to blame for: until the first handler
// wants to be asked that said when.
func (d *durable) pauseFor(t *taken, failures []delivery.Failure) time.Duration {
	pause := time.Duration(0)
	for _, f := range failures {
		if f.After > 0 && (pause == 0 || f.After < pause) {
			pause = f.After
		}
	}
	if pause == 0 {
		pause = d.backoff(t, 0)
	}
	return pause
}

// end ends the node's care for an event that was handled.
func (d *durable) end(t *taken) {
	if d.settle(t, wire.Handled, 0) == awaited {
		d.acknowledged.Pass(&t.header)
		d.Bookmarks.handled(d.place, t.sequence)
	}
}

// excuse lets an event come again that nobody tried.
func (d *durable) excuse(t *taken) {
	t.excused++
	d.giveBack(t, d.backoff(t, 0))
}

// giveBack lets an event come again, to any instance of the service, and counts no try.
func (d *durable) giveBack(t *taken, after time.Duration) { d.comeBack(t, wire.Later, after) }

// comeBack lets an event come again. One whose outbox is gone cannot, and is lost.
func (d *durable) comeBack(t *taken, v wire.Verdict, after time.Duration) {
	if d.Intake.Err() != nil {
		after = 0 // another instance may have it at once
	}
	if d.settle(t, v, after) == orphan {
		d.orphaned.Pass(&t.header)
		d.Log.WarnAbout(&t.header, "event lost: it was not handled, and the outbox that it came from is gone", "peer", d.place.Peer)
	}
}

// backoff is how long an event stays away that failed once more, or was excused once more.
func (d *durable) backoff(t *taken, failed int) time.Duration {
	return d.pause(int(min(t.tries, config.MaxRedeliveries)) + failed + min(t.excused, config.MaxRedeliveries))
}

// firstPause is how long an event stays away that only had no room.
func (d *durable) firstPause() time.Duration { return d.pause(1) }

func (d *durable) pause(times int) time.Duration {
	return clock.Backoff{First: d.settings.Redelivery.After, Max: d.settings.Redelivery.Max}.Delay(times)
}

// bury makes an event a durable dead letter of a handler, or of the import. It reports whether the
// letter was kept; else the event comes again.
func (d *durable) bury(t *taken, f *delivery.Failure) bool {
	if d.fateOf(t) == abandoned {
		return false // it has gone back
	}
	text, tries := letters.ErrorText(f.Err), int(min(t.tries, config.MaxRedeliveries))+1
	err := d.Letters.Put(letters.Letter{
		ID: t.header.ID, Handler: handlerOf(f.Place), Peer: d.place.Peer, Subject: d.of.Subject, Tries: tries,
		Error: text, At: time.Unix(0, d.Clock.Wall()), Message: wire.AppendContainer(nil, wire.Lengthen(t.message, t.paths.dictionary())),
	})
	if err != nil {
		d.Log.ErrorAbout(&t.header, "dead letter not kept, so the event comes again", "peer", d.place.Peer, "handler", handlerOf(f.Place), "error", err)
		f.Excused, f.After = true, d.settings.Redelivery.Max
		return false
	}
	d.deadLetters.PassError(&t.header, f.Err)
	attrs := []any{"peer", d.place.Peer, "handler", handlerOf(f.Place), "deliveries", tries, "error", text}
	if f.Stack != nil {
		attrs = append(attrs, "stack", string(f.Stack))
	}
	d.Log.WarnAbout(&t.header, "event became a durable dead letter", attrs...)
	return true
}

// handlerOf is what a letter calls a place: the handler's name, or "import".
func handlerOf(p steps.Place) string {
	if p.Kind == steps.Handler {
		return p.Handler
	}
	return p.String()
}

// without are the failures of handlers that are not done.
func without(failures []delivery.Failure, done []string) []delivery.Failure {
	return slices.DeleteFunc(failures, func(f delivery.Failure) bool { return slices.Contains(done, f.Place.Handler) })
}
