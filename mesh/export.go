package mesh

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// outlet is where events of one type leave the node's own memory: for the links,
// if the type is exported, and for clients at the tap. It is a consumer like a
// handler, with a queue of its own, so that a slow link delays no handler. It
// encodes an event once, and only if somebody listens.
type outlet[T any] struct {
	node     *Node
	queue    *queue[T]
	exported bool
	event    *eventType
	tap      *tally

	subjects         map[string]string // by key: what was escaped lately
	payload, message []byte            // used again for each event
	steps            [][]byte
}

// maxSubjects bounds the subjects that an outlet remembers.
const maxSubjects = 1024

// subjectOf gives the event's subject on the wire.
func (o *outlet[T]) subjectOf(h *Header) string {
	if subject, ok := o.subjects[h.Key]; ok {
		return subject
	}
	if len(o.subjects) >= maxSubjects {
		clear(o.subjects)
	}
	subject := string(wire.AppendSubject(nil, h.Subject(), h.Key))
	o.subjects[h.Key] = subject
	return subject
}

// outletQueue is how many events of a type may wait to be sent before root
// events wait or are shed.
const outletQueue = 4096

// newOutlet makes the outlet of an event type. Only events that this node emits
// are exported: what was imported is never sent on.
func newOutlet[T any](n *Node, t *eventType, exported bool) binding {
	options := handlerOptions{workers: 1, capacity: outletQueue, full: Shed}
	place := "tap"
	if exported {
		place = string(AtExport)
		if t.export.Limit.Policy != Shed {
			options.full = Wait
		}
	}
	c := newConsumer(place, options, decoder[T]())
	c.cutLate = exported && n.config.Tap != nil
	c.newWorker = func(q *queue[T]) func(*item[T]) bool {
		o := &outlet[T]{node: n, queue: q, exported: exported, event: t, tap: n.counters.tally(t.subject, "tap"), subjects: map[string]string{}}
		return o.process
	}
	n.addLocked(c)
	return c.bind(t)
}

func (o *outlet[T]) process(it *item[T]) bool {
	rules := o.event.rules.Load().export
	if o.queue.overtakes(it) {
		return false
	}
	o.send(it, rules)
	return true
}

func (o *outlet[T]) send(it *item[T], rules []*limit) {
	tapped := o.node.tapClients() > 0 && it.keptBy == nil // else it was shown before
	if !o.exported && !tapped {
		return
	}
	subject := o.subjectOf(&it.header)
	export := o.exported && o.exports(it, subject, rules)
	tapped = tapped && o.node.leaf.Interested(leaf.Local, subject)
	if !export && !tapped {
		return
	}
	message, err := o.encode(&it.header, &it.value)
	if err != nil {
		it.tally.malformed.Add(1)
		o.node.logRarely("event can not be encoded", "type", it.header.Subject(), "error", err)
		return
	}
	if export {
		o.publish(o.node.out, subject, message, it.tally, it.tally.exported)
	}
	if tapped {
		o.publish(o.node.tap.Load().conn, subject, message, o.tap, o.tap.tapped)
	}
}

// exports says whether the event goes to the links: it is not cut, somebody
// listens, and the limit of the export lets it pass, perhaps after a wait.
func (o *outlet[T]) exports(it *item[T], subject string, rules []*limit) bool {
	if it.tally.cut.Load() {
		it.tally.severed.Add(1)
		return false
	}
	if !o.node.leaf.Interested(leaf.Out, subject) {
		it.tally.unheard.Add(1)
		return false
	}
	if len(rules) == 0 {
		return true
	}
	event := limitedBy(&it.header)
	v, err := admitAll(o.node.handling, after(rules, it.keptBy), &event, o.node.clock.now())
	if v.coalesce != nil {
		keepItem(v.coalesce, o.queue, it)
	}
	return v == passed && err == nil // the rule counts
}

func (o *outlet[T]) publish(conn *nats.Conn, subject string, message []byte, counts *tally, sent *counter) {
	if len(message) > o.node.config.MaxPayload {
		counts.oversize.Add(1)
		o.node.logRarely("event too large to send", "subject", subject, "bytes", len(message), "max_payload", o.node.config.MaxPayload)
		return
	}
	if err := conn.Publish(subject, message); err != nil {
		counts.lost.Add(1)
		o.node.logRarely("event not sent", "subject", subject, "error", err)
		return
	}
	sent.Add(1)
}

// encode gives the message, valid until the next call.
func (o *outlet[T]) encode(h *Header, value *T) (_ []byte, err error) {
	if o.payload, err = wire.AppendPayload(o.payload[:0], value); err != nil {
		return nil, err
	}
	o.steps = h.Lineage().AppendSteps(o.steps[:0])
	o.message, err = appendEnvelope(o.message[:0], h, o.steps, o.payload)
	return o.message, err
}

func appendEnvelope(dst []byte, h *Header, steps [][]byte, payload []byte) ([]byte, error) {
	return wire.AppendEnvelope(dst, &wire.Envelope{
		ID: wire.ID(h.ID), Root: wire.ID(h.Root), Parent: wire.ID(h.Parent),
		Time: h.At(), Waited: int64(h.Waited()), Key: h.Key, Path: steps, Payload: payload,
	})
}

// flushTimeout bounds the flush when the context does not: the server is in this
// process and takes milliseconds.
const flushTimeout = 10 * time.Second

// flush waits until the server has taken all that was published: exports, or what
// was said of the events of durable imports.
func (n *Node) flush(ctx context.Context, conn *nats.Conn) error {
	if conn == nil || conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("mesh: close node %s: flush: %w", n.name, err)
	}
	return nil
}
