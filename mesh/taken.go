package mesh

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/letters"
)

// taken is an event that the outbox has handed to this node.
type taken struct {
	jetstream.Msg
	sequence uint64 // in the outbox
	count    uint64 // how often it was delivered, this time counted
	// orphan says that the outbox is gone that handed it out: there is nobody to be
	// told what became of it. guarded by the import's mu
	orphan bool
}

// orphan disowns what another outbox than this one handed out, or this one before
// it was restored from an old copy: the same numbers are other events now.
func (d *durableImport) orphan(identity string, last uint64) {
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

// excuseLocked makes a delivery not count. Of what other instances have handled
// nothing is heard, so the number is bounded: what is forgotten counts.
func (d *durableImport) excuseLocked(t *taken) {
	if len(d.excused) >= 2*inFlight {
		clear(d.excused)
	}
	d.excused[t.sequence]++
}

func (d *durableImport) excuse(t *taken) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.excuseLocked(t)
}

// isLast reports whether an event was delivered so often that it does not come again
// if it fails now.
func (d *durableImport) isLast(t *taken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return t.orphan || t.count >= uint64(d.settings.Redelivery.Tries)+d.excused[t.sequence]
}

// receive takes an event into this node's care. A copy of one that is still under
// way, as after a link was down, is the same event.
func (d *durableImport) receive(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil { // no message of an outbox
		d.malformed.Add(1)
		d.node.logRarely("malformed message dropped", "subject", m.Subject(), "error", err)
		return
	}
	if meta.NumDelivered > 1 {
		d.redelivered.Add(1)
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

// admit brings what was taken through the gate, until run has ended. What the
// intake's end finds waiting goes back.
func (d *durableImport) admit() {
	for t := range d.waiting {
		if d.node.intake.Err() != nil {
			d.giveBack(t, 0)
			continue
		}
		d.enter(t)
	}
}

// enter brings one event through the gate to the handlers. It waits where they are
// full.
func (d *durableImport) enter(t *taken) {
	now := d.node.clock.now()
	h, damage, err := d.header(t.Subject(), t.Data())
	if err != nil {
		sum := sha256.Sum256(t.Data()) // it has no id that could be trusted
		d.bury(t, ID(sum[:16]), []failure{{place: "import", err: err}})
		return
	}
	h.AddWait(now - h.At())
	event := limited{key: h.Key, path: h.Lineage(), promised: true}
	if v, err := admitAll(d.node.intake, d.eventType.rules.Load().imports, &event, now); v != passed || err != nil {
		d.excuse(t)
		d.giveBack(t, d.backoff(t)) // counted by the rule
		return
	}
	d.countImported(&h, damage)
	if err := d.eventType.admitImported(&h, now); err != nil {
		d.bury(t, h.ID, []failure{{place: "import", err: err}}) // a refusal of the guard is final
		return
	}
	d.deliver(t, &h, now)
}

// deliver hands an event to the handlers; the last one settles it.
func (d *durableImport) deliver(t *taken, h *Header, now int64) {
	id := h.ID
	over := &handover{taken: now, open: len(d.eventType.handlers), last: d.isLast(t)}
	over.settle = func(failures []failure) { d.settle(t, id, over.last, failures) }
	if err := d.eventType.deliverEncoded(d.node.intake, h, d.envelope.Payload, false, over); err != nil {
		d.giveBack(t, d.backoff(t))
	}
}

// settle ends a handover: handled by all, again later, or never.
func (d *durableImport) settle(t *taken, id ID, last bool, failures []failure) {
	if len(failures) == 0 {
		d.ack(t)
		return
	}
	isExcused := func(f failure) bool { return f.excused }
	mayPass := func(f failure) bool { return !f.final }
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
func (d *durableImport) ack(t *taken) {
	if !d.forget(t) {
		return
	}
	d.mu.Lock()
	delete(d.excused, t.sequence)
	d.mu.Unlock()
	if err := t.Ack(); err != nil {
		d.node.logRarely("event not acked, so it comes again", "type", d.event, "peer", d.peer, "error", err)
		return
	}
	d.acknowledged.Add(1)
	d.node.bookmarks.handled(bookmark.Place{Peer: d.peer, Subject: d.event}, t.sequence)
}

// giveBack lets the event come again, to any instance of the service. One whose
// outbox is gone can not, and is lost.
func (d *durableImport) giveBack(t *taken, after time.Duration) {
	if !d.forget(t) {
		d.orphaned.Add(1)
		d.node.logRarely("event lost: it was not handled, and the outbox that it came from is gone", "type", d.event, "peer", d.peer)
		return
	}
	if d.node.intake.Err() != nil {
		after = 0 // another instance may have it at once
	}
	if err := t.NakWithDelay(after); err != nil {
		d.node.logRarely("event not given back; it comes again after 10s", "type", d.event, "peer", d.peer, "error", err)
	}
}

// forget ends the care for an event, and reports whether its outbox is still there.
func (d *durableImport) forget(t *taken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !t.orphan {
		delete(d.open, t.sequence)
	}
	return !t.orphan
}

// backoff is how long a failed event stays away.
func (d *durableImport) backoff(t *taken) time.Duration {
	r := d.settings.Redelivery
	return backoff{first: r.After, max: r.Max}.delay(int(min(t.count, config.MaxRedeliveries)))
}

// bury makes an event a durable dead letter, one for each handler that failed, and
// takes it out of the outbox. If a letter can not be kept, the event comes again.
func (d *durableImport) bury(t *taken, id ID, failures []failure) {
	for _, f := range failures {
		text := errorText(f.err)
		err := d.node.letters.Put(letters.Letter{
			ID: id, Handler: strings.TrimPrefix(f.place, "handler "), Peer: d.peer, Subject: d.event, Tries: int(t.count),
			Error: text, At: time.Unix(0, d.node.clock.now()), Message: t.Data(),
		})
		if err != nil {
			d.node.log.Error("dead letter not kept, so the event comes again", "node", d.node.name, "type", d.event, "event", id, "error", err)
			d.giveBack(t, d.settings.Redelivery.Max)
			return
		}
		d.deadLetters.Add(1)
		d.node.logRarely("event became a durable dead letter", "type", d.event, "event", id, "peer", d.peer, "place", f.place, "error", text)
	}
	d.ack(t)
}

// keepAlive tells the outbox that the events under way are in good hands.
func (d *durableImport) keepAlive() {
	d.mu.Lock()
	underWay := slices.Collect(maps.Values(d.open))
	d.mu.Unlock()
	for _, t := range underWay { // one that was settled meanwhile refuses, which is right
		_ = t.InProgress() // at worst it comes again
	}
}
