package inlet

import (
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
)

// taken is an event that an exporter has given to this node.
type taken struct {
	sequence uint64       // in the exporter's outbox
	tries    uint64       // how often it failed before, in a way that counts
	excused  int          // how often it went back from here without counting
	done     []string     // the handlers that have handled it
	message  []byte       // the event, encoded
	paths    *paths       // that it needs to be decoded
	header   cause.Header // the event's, once it is decoded
	payload  []byte       // as well
	damage   error        // of its causal header; nil: none

	fate fate // guarded by the import's mu
}

// comesAgain reports whether the event is known to have been given before, here or at another
// instance.
func (t *taken) comesAgain() bool { return t.tries > 0 || t.excused > 0 || len(t.done) > 0 }

// fate says who is to be told what became of an event.
type fate uint8

const (
	awaited   fate = iota // its exporter
	orphan                // nobody: the outbox is gone that it came from
	abandoned             // nobody: its exporter was told that it comes back, as the node has ended
)

// meet takes note of which outbox is there, and reports whether that is to be compared with what is
// remembered. It disowns what another outbox gave, or this one before it was restored from an old
// copy: the same numbers are other events now.
//
// Later welcomes on a link are made while events go out, so their last sequence says nothing.
func (d *durable) meet(identity string, last uint64, first bool) (compare bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !first && d.stream == identity {
		return false
	}
	for sequence, t := range d.open {
		if d.stream != identity || sequence > last {
			t.fate = orphan
			d.closeLocked(t)
		}
	}
	if d.stream != identity {
		d.memory.clear()
		clear(d.returning)
	} else {
		d.memory.forgetAfter(last)
	}
	d.stream = identity
	return true
}

// take takes an event into this node's care. A copy of one that is still under way, as after a link
// was down, is the same event, and one that was settled gets the answer that it had.
func (d *durable) take(e *wire.BatchEvent, message []byte, p *paths) {
	t := &taken{sequence: e.Sequence, tries: e.Tries, done: e.Done, message: message, paths: p}
	answer, again, fresh := d.enlist(t)
	if again || e.Tries > 0 || len(e.Done) > 0 {
		d.redelivered.PassUnknown(1, nil)
	}
	if !fresh {
		if answer != nil {
			d.talk.answers.add(*answer)
		}
		return
	}
	select {
	case d.waiting <- t:
	default: // full of orphans
		d.giveBack(t, d.firstPause())
	}
}

// enlist opens an event, or says how it is answered at once; nil: it is under way. again says that
// it was here before.
func (d *durable) enlist(t *taken) (answer *wire.Answer, again, fresh bool) {
	closing := d.Intake.Err() != nil || d.talk.closing.Load()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[t.sequence] != nil {
		return nil, true, false
	}
	was, known := d.memory.of(t.sequence)
	switch {
	case known && was.answersAgain(t):
		return d.answerTo(t, was.verdict, was.after, was.done...), true, false
	case closing || d.stream == "":
		return d.answerTo(t, wire.Later, 0, t.done...), known, false
	case len(d.open) >= 2*creditEvents || d.bytes+len(t.message) > 2*creditBytes:
		return d.answerTo(t, wire.Later, d.firstPause(), t.done...), known, false
	}
	if known {
		t.excused = was.excused
		t.done = union(t.done, was.done)
		d.memory.forget(t.sequence)
	}
	delete(d.returning, t.sequence)
	d.open[t.sequence] = t
	d.bytes += len(t.message)
	return nil, known, true
}

// answerTo makes the answer to an event.
func (d *durable) answerTo(t *taken, v wire.Verdict, after time.Duration, done ...string) *wire.Answer {
	if v == wire.Handled {
		done = nil // it is over
	}
	return &wire.Answer{Type: d.of.Subject, Sequence: t.sequence, Verdict: v, After: uint64(max(0, after)), Done: done[:min(len(done), wire.MaxTalkHandlers)]}
}

// settle ends the care for an event, and answers for it. It reports whether its exporter still has
// it.
func (d *durable) settle(t *taken, v wire.Verdict, after time.Duration) (was fate) {
	d.mu.Lock()
	if was = t.fate; was == awaited {
		d.closeLocked(t)
		d.memory.put(t.sequence, settled{verdict: v, tries: t.tries, excused: t.excused, after: after, done: t.done, at: d.Clock.Now()})
	}
	d.mu.Unlock()
	if was == awaited {
		d.talk.answers.add(*d.answerTo(t, v, after, t.done...))
	}
	return was
}

func (d *durable) closeLocked(t *taken) {
	delete(d.open, t.sequence)
	d.bytes -= len(t.message)
}

func (d *durable) setDone(t *taken, done []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.done = done
}

func (d *durable) fateOf(t *taken) fate {
	d.mu.Lock()
	defer d.mu.Unlock()
	return t.fate
}

// sayAgain answers once more for what was settled lately: the answer may have been on its way when
// the link broke. A failure is not told twice, or it could count twice: if it was not heard, it is
// when the event comes again.
func (d *durable) sayAgain(since int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for sequence, was := range d.memory.all() {
		if was.at < since {
			continue
		}
		if was.verdict == wire.Again {
			was.verdict = wire.Later
		}
		d.talk.answers.add(*d.answerTo(&taken{sequence: sequence}, was.verdict, was.after, was.done...))
	}
}

// abandon gives back all that is still under way, when the node has ended. What becomes of it at a
// handler that has not returned is of no account: the event comes again.
func (d *durable) abandon() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.open {
		t.fate = abandoned
		d.closeLocked(t)
		d.talk.answers.add(*d.answerTo(t, wire.Later, 0, t.done...))
	}
}
