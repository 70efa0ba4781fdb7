package inlet

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// taken is an event that the outbox has handed to this node.
type taken struct {
	jetstream.Msg
	sequence uint64       // in the outbox
	count    uint64       // how often it was delivered, this time counted
	header   cause.Header // the event's, once it is decoded
	// orphan says that the outbox is gone that handed it out: there is nobody to be told what
	// became of it. guarded by the import's mu
	orphan bool
}

// orphan disowns what another outbox than this one handed out, or this one before it was restored
// from an old copy: the same numbers are other events now.
func (d *durable) orphan(identity string, last uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for sequence, t := range d.open {
		if d.stream != identity || sequence > last {
			t.orphan = true
			delete(d.open, sequence)
		}
	}
	if d.stream != identity {
		clear(d.excused)
	}
	d.stream = identity
}

// excuseLocked makes a delivery not count. Of what other instances have handled nothing is heard,
// so the number is bounded: what is forgotten counts.
func (d *durable) excuseLocked(t *taken) {
	if len(d.excused) >= 2*inFlight {
		clear(d.excused)
	}
	d.excused[t.sequence]++
}

func (d *durable) excuse(t *taken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.excuseLocked(t)
}

// isLast reports whether an event was delivered so often that it does not come again if it fails
// now.
func (d *durable) isLast(t *taken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return t.orphan || t.count >= uint64(d.settings.Redelivery.Tries)+d.excused[t.sequence]
}

// receive takes an event into this node's care. A copy of one that is still under way, as after a
// link was down, is the same event.
func (d *durable) receive(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil { // no message of an outbox
		d.malformed.PassUnknown(1, err)
		d.Log.Rarely("malformed message dropped", "subject", m.Subject(), "error", err)
		return
	}
	if meta.NumDelivered > 1 {
		d.redelivered.PassUnknown(1, nil)
	}
	t := &taken{Msg: m, sequence: meta.Sequence.Stream, count: meta.NumDelivered}
	d.mu.Lock()
	_, underWay := d.open[t.sequence]
	if underWay {
		d.excuseLocked(t)
	} else {
		d.open[t.sequence] = t
	}
	d.mu.Unlock()
	if !underWay {
		d.waiting <- t
	}
}

// admit brings what was taken through the gate, until run has ended. What the intake's end finds
// waiting goes back.
func (d *durable) admit() {
	for t := range d.waiting {
		if d.Intake.Err() != nil {
			d.giveBack(t, 0)
			continue
		}
		d.enter(t)
	}
}

// enter brings one event through the gate to the handlers. It waits where they are full.
func (d *durable) enter(t *taken) {
	damage, err := d.decode(t.Subject(), t.Data())
	if err != nil {
		sum := sha256.Sum256(t.Data()) // it has no id that could be trusted
		d.bury(t, cause.ID(sum[:16]), []delivery.Failure{{Place: steps.At(steps.Import), Err: err}})
		return
	}
	h := &d.header
	t.header = *h
	event := rules.Of(h)
	event.Promised = true
	if v, err := rules.Admit(d.Intake, d.of.Rules(), &event, d.Clock.Now()); v != rules.Passed || err != nil {
		d.excuse(t)
		d.giveBack(t, d.backoff(t)) // counted by the rule
		return
	}
	d.passImported(h, damage)
	if err := d.of.Admit(h); err != nil {
		d.bury(t, h.ID, []delivery.Failure{{Place: steps.At(steps.Import), Err: err}}) // a refusal of the guard is final
		return
	}
	d.deliver(t, h)
}

// deliver hands an event to the handlers; the last one settles it.
func (d *durable) deliver(t *taken, h *cause.Header) {
	id, last := h.ID, d.isLast(t)
	over := delivery.NewHandover(d.of.Handlers, last, func(failures []delivery.Failure) { d.settle(t, id, last, failures) })
	if err := d.of.Enter(d.Intake, h, d.envelope.Payload, delivery.MayWait, over); err != nil {
		d.giveBack(t, d.backoff(t))
	}
}

// settle ends a handover: handled by all, again later, or never.
func (d *durable) settle(t *taken, id cause.ID, last bool, failures []delivery.Failure) {
	if len(failures) == 0 {
		d.ack(t)
		return
	}
	isExcused := func(f delivery.Failure) bool { return f.Excused }
	mayPass := func(f delivery.Failure) bool { return !f.Final }
	switch {
	case slices.ContainsFunc(failures, isExcused):
		d.excuse(t)
		d.giveBack(t, d.backoff(t))
	case !last && !d.isLast(t) && slices.ContainsFunc(failures, mayPass): // who may pass gets all tries
		d.giveBack(t, d.backoff(t))
	default:
		d.bury(t, id, failures)
	}
}

// ack ends the node's care for an event that was handled.
func (d *durable) ack(t *taken) {
	if !d.forget(t) {
		return
	}
	d.mu.Lock()
	delete(d.excused, t.sequence)
	d.mu.Unlock()
	if err := t.Ack(); err != nil {
		d.Log.Rarely("event not acked, so it comes again", "type", d.of.Subject, "peer", d.peer, "error", err)
		return
	}
	d.acknowledged.Pass(&t.header)
	d.Bookmarks.handled(bookmark.Place{Peer: d.peer, Subject: d.of.Subject}, t.sequence)
}

// giveBack lets the event come again, to any instance of the service. One whose outbox is gone can
// not, and is lost.
func (d *durable) giveBack(t *taken, after time.Duration) {
	if !d.forget(t) {
		d.orphaned.Pass(&t.header)
		d.Log.Rarely("event lost: it was not handled, and the outbox that it came from is gone", "type", d.of.Subject, "peer", d.peer)
		return
	}
	if d.Intake.Err() != nil {
		after = 0 // another instance may have it at once
	}
	if err := t.NakWithDelay(after); err != nil {
		d.Log.Rarely("event not given back; it comes again after 10s", "type", d.of.Subject, "peer", d.peer, "error", err)
	}
}

// forget ends the care for an event, and reports whether its outbox is still there.
func (d *durable) forget(t *taken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !t.orphan {
		delete(d.open, t.sequence)
	}
	return !t.orphan
}

// backoff is how long a failed event stays away.
func (d *durable) backoff(t *taken) time.Duration {
	r := d.settings.Redelivery
	return clock.Backoff{First: r.After, Max: r.Max}.Delay(int(min(t.count, config.MaxRedeliveries)))
}

// bury makes an event a durable dead letter, one for each handler that failed, and takes it out of
// the outbox. If a letter can not be kept, the event comes again.
func (d *durable) bury(t *taken, id cause.ID, failures []delivery.Failure) {
	for _, f := range failures {
		text := letters.ErrorText(f.Err)
		err := d.Letters.Put(letters.Letter{
			ID: id, Handler: handlerOf(f.Place), Peer: d.peer, Subject: d.of.Subject, Tries: int(min(t.count, math.MaxInt32)),
			Error: text, At: time.Unix(0, d.Clock.Wall()), Message: t.Data(),
		})
		if err != nil {
			d.Log.Error("dead letter not kept, so the event comes again", "node", d.Node, "type", d.of.Subject, "event", id, "error", err)
			d.giveBack(t, d.settings.Redelivery.Max)
			return
		}
		d.deadLetters.PassError(&t.header, f.Err)
		d.Log.Rarely("event became a durable dead letter", "type", d.of.Subject, "event", id, "peer", d.peer, "place", f.Place, "error", text)
	}
	d.ack(t)
}

// keepAlive tells the outbox that the events under way are in good hands.
func (d *durable) keepAlive() {
	d.mu.Lock()
	underWay := slices.Collect(maps.Values(d.open))
	d.mu.Unlock()
	for _, t := range underWay { // one that was settled meanwhile refuses, which is right
		_ = t.InProgress() // at worst it comes again
	}
}

// handlerOf is what a letter calls a place: the handler's name, or "import".
func handlerOf(p steps.Place) string {
	if p.Kind == steps.Handler {
		return p.Handler
	}
	return p.String()
}
