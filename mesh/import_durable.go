package mesh

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
)

const (
	// inFlight is how many events of a durable import the service's instances may
	// have taken and not handled yet, together: what bounds the memory of a
	// slow one and what a dead one keeps from the others.
	inFlight = 512
	// ackWait is how long the outbox waits for a sign of life about an event that
	// it has handed out, before it hands it out again. A live node gives one every
	// keepAlive, so that a slow handler has all the time it needs.
	ackWait   = 10 * time.Second
	keepAlive = 3 * time.Second
	// pullHeartbeat is how often an idle outbox says that it is there; a link that
	// is gone is noticed after two.
	pullHeartbeat = time.Second
	pullExpiry    = 10 * time.Second
	// bindTimeout bounds each request to the outbox of a peer, bindPause is between tries.
	// What a linked peer leaves unanswered maxSilent times it does not offer; the first
	// times, its interest may still be on the way.
	bindTimeout = 2 * time.Second
	bindPause   = 200 * time.Millisecond
	maxSilent   = 5
)

// durableImport takes the events of one type out of the outbox of one peer.
type durableImport struct {
	*importer
	peer     string
	settings Import
	consumer string // its name in the outbox
	js       jetstream.JetStream

	state       atomic.Pointer[durableState]
	redelivered *counter
	deadLetters *counter

	mu   sync.Mutex
	open map[*handover]jetstream.Msg // guarded by mu: taken and not settled
}

// durableState is how a durable import is connected.
type durableState struct {
	bound bool
	err   error // why not
	final bool  // waiting would not help
}

// newDurableImports makes one for each peer that may export the type.
func (n *Node) newDurableImports(i Import) (list []*durableImport, err error) {
	for _, p := range n.config.Peers {
		if p.URL == "" || service(p.Name) != serviceOf(i.Event) {
			continue
		}
		js, err := jetstream.NewWithDomain(n.in, p.Name)
		if err != nil {
			return nil, fmt.Errorf("mesh: import %s from %s: %w", i.Event, p.Name, err)
		}
		d := &durableImport{importer: n.newImport(i), peer: p.Name, settings: i, js: js,
			consumer:    outbox.ConsumerName(service(n.name), i.Event),
			redelivered: n.counters.cell(i.Event, Redelivered, "import", ""),
			deadLetters: n.counters.cell(i.Event, DeadLettered, "import", ""),
			open:        map[*handover]jetstream.Msg{},
		}
		d.state.Store(&durableState{err: errNotBound})
		list = append(list, d)
	}
	return list, nil
}

var errNotBound = errors.New("not connected yet")

// run takes events until the node's intake ends. It binds itself to the outbox
// again whenever the link was lost or the peer began anew.
func (d *durableImport) run() {
	ctx := d.node.intake
	silent := 0 // tries in a row that a linked peer did not answer
	for ctx.Err() == nil {
		messages, err := d.bind(ctx)
		if err == nil {
			silent = 0
			d.state.Store(&durableState{bound: true})
			d.consume(ctx, messages)
			continue
		}
		if silent++; !noAnswer(err) || !d.node.linkedTo(d.peer) {
			silent = 0
		}
		d.state.Store(d.unbound(err, silent >= maxSilent))
		sleep(ctx, bindPause)
	}
}

// unbound says why the import is not bound. A peer that is linked and gives no
// answer for long does not let this service read the type from an outbox.
func (d *durableImport) unbound(err error, refused bool) *durableState {
	if refused {
		err = fmt.Errorf("%s keeps no %s for service %s: name the service in the export's durable there, or import it without durable: %w",
			d.peer, d.event, service(d.node.name), ErrNotExported)
	}
	return &durableState{err: fmt.Errorf("durable import of %s from %s: %w", d.event, d.peer, err), final: refused}
}

func noAnswer(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// bind looks at the outbox, makes or finds this service's consumer there, and
// begins to pull.
func (d *durableImport) bind(ctx context.Context) (jetstream.MessagesContext, error) {
	ctx, cancel := context.WithTimeout(ctx, bindTimeout)
	defer cancel()
	stream, err := d.js.Stream(ctx, leaf.Stream)
	if err != nil {
		return nil, err
	}
	identity, last := outbox.Identity(stream.CachedInfo())
	pending := inFlight
	if d.settings.Ordered {
		pending = 1
	}
	consumer, err := d.js.CreateOrUpdateConsumer(ctx, leaf.Stream, jetstream.ConsumerConfig{
		Durable: d.consumer, FilterSubject: d.wireSubject,
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxAckPending: pending, MaxDeliver: -1, MaxRequestBatch: inFlight, MaxWaiting: 128,
	})
	if err != nil {
		return nil, err
	}
	d.compare(identity, last, consumer.CachedInfo())
	messages, err := consumer.Messages(jetstream.PullMaxMessages(pending), jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return nil, err
	}
	return messages, nil
}

// linkedTo reports whether the link to an exporter is up and its beacon was heard.
func (n *Node) linkedTo(peer string) bool {
	ctx, cancel := context.WithTimeout(n.intake, bindPause)
	defer cancel()
	return n.leaf.Ready(ctx, peer, nil) == nil
}

// compare says loudly when the outbox is not the one that this node knew.
func (d *durableImport) compare(identity string, last uint64, info *jetstream.ConsumerInfo) {
	found := d.node.bookmarks.meet(bookmark.Place{Peer: d.peer, Subject: d.event}, bookmark.Mark{Stream: identity, Sequence: last})
	switch {
	case found.Kind == bookmark.New && info.AckFloor.Consumer > 0:
		d.node.log.Warn("this node remembers nothing of an outbox that its service has read: if its database is new too, "+
			"the events handled so far do not come again", "node", d.node.name, "peer", d.peer, "type", d.event, "handled", info.AckFloor.Consumer)
	case found.Kind == bookmark.New || found.Kind == bookmark.Same:
	default:
		d.node.counters.cell(d.event, OutboxChanged, "import", found.Kind.String()).Add(1)
		d.node.log.Error("the outbox of a peer is not as this node left it", "node", d.node.name, "peer", d.peer, "type", d.event, "what", found.String())
	}
}

// consume takes events until something is wrong with the outbox or the link, or
// the intake ends: what has come by then goes back.
func (d *durableImport) consume(ctx context.Context, messages jetstream.MessagesContext) {
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			if ctx.Err() != nil {
				d.giveBackRest(messages)
			}
			return
		}
		d.take(m)
	}
}

// giveBackRest hands what the client still has to the other instances.
func (d *durableImport) giveBackRest(messages jetstream.MessagesContext) {
	messages.Drain()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(bindTimeout))
		if err != nil {
			return
		}
		d.giveBack(m, 0)
	}
}

// take brings one event through the gate to the handlers. It waits where they are
// full.
func (d *durableImport) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil { // no message of an outbox
		d.malformed.Add(1)
		d.node.logRarely("malformed message dropped", "subject", m.Subject(), "error", err)
		return
	}
	if meta.NumDelivered > 1 {
		d.redelivered.Add(1)
	}
	now := d.node.clock.now()
	h, err := d.header(&nats.Msg{Subject: m.Subject(), Data: m.Data()})
	if err != nil {
		d.malformed.Add(1)
		sum := sha256.Sum256(m.Data()) // it has no id that could be trusted
		d.bury(m, meta, ID(sum[:16]), []failure{{place: "import", err: err}})
		return
	}
	h.waited += max(0, now-h.at)
	event := limited{key: h.Key, path: h.path}
	if v, err := admitAll(d.node.intake, d.eventType.rules.Load().imports, &event, now); v != passed || err != nil {
		d.giveBack(m, d.backoff(meta)) // counted by the rule
		return
	}
	d.eventType.imported.Add(1)
	if err := d.eventType.admitImported(&h, now); err != nil {
		d.bury(m, meta, h.ID, []failure{{place: "import", err: err}}) // a refusal of the guard is final
		return
	}
	d.deliver(m, meta, &h)
}

// deliver hands an event to the handlers, and remembers it until it is settled.
func (d *durableImport) deliver(m jetstream.Msg, meta *jetstream.MsgMetadata, h *Header) {
	t := &handover{open: len(d.eventType.handlers), last: meta.NumDelivered >= uint64(d.settings.Redelivery.Tries)}
	id := h.ID
	t.settle = func(failures []failure) { d.settle(t, m, meta, id, failures) }
	d.mu.Lock()
	d.open[t] = m
	d.mu.Unlock()
	if err := d.eventType.deliverEncoded(d.node.intake, h, d.envelope.Payload, t); err != nil {
		d.forget(t)
		d.giveBack(m, d.backoff(meta))
	}
}

func (d *durableImport) forget(t *handover) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, t)
}

// settle ends a handover: handled by all, again later, or never.
func (d *durableImport) settle(t *handover, m jetstream.Msg, meta *jetstream.MsgMetadata, id ID, failures []failure) {
	defer d.forget(t)
	if len(failures) == 0 {
		d.ack(m, meta)
		return
	}
	again, end := false, t.last
	for _, f := range failures {
		again = again || f.tries == 0
		end = end || f.final
	}
	if again || !end {
		d.giveBack(m, d.backoff(meta))
		return
	}
	d.bury(m, meta, id, failures)
}

func (d *durableImport) ack(m jetstream.Msg, meta *jetstream.MsgMetadata) {
	if err := m.Ack(); err != nil {
		d.node.logRarely("event not acked, so it comes again", "type", d.event, "peer", d.peer, "error", err)
		return
	}
	d.node.bookmarks.handled(bookmark.Place{Peer: d.peer, Subject: d.event}, meta.Sequence.Stream)
}

// giveBack lets the event come again, to any instance of the service.
func (d *durableImport) giveBack(m jetstream.Msg, after time.Duration) {
	var err error
	if d.node.intake.Err() != nil {
		err = m.Nak() // another instance may have it at once
	} else {
		err = m.NakWithDelay(after)
	}
	if err != nil {
		d.node.logRarely("event not given back; it comes again after 10s", "type", d.event, "peer", d.peer, "error", err)
	}
}

// backoff is how long a failed event stays away.
func (d *durableImport) backoff(meta *jetstream.MsgMetadata) time.Duration {
	r := d.settings.Redelivery
	return backoff{first: r.After, max: r.Max}.delay(int(min(meta.NumDelivered, maxRedeliveries)))
}

// bury makes an event a durable dead letter, one for each handler that failed, and
// takes it out of the outbox. If a letter can not be kept, the event comes again.
func (d *durableImport) bury(m jetstream.Msg, meta *jetstream.MsgMetadata, id ID, failures []failure) {
	for _, f := range failures {
		text := errorText(f.err)
		err := d.node.letters.Put(letters.Letter{
			ID: id, Handler: strings.TrimPrefix(f.place, "handler "), Peer: d.peer, Subject: d.event, Tries: int(meta.NumDelivered),
			Error: text, At: time.Unix(0, d.node.clock.now()), Message: m.Data(),
		})
		if err != nil {
			d.node.log.Error("dead letter not kept, so the event comes again", "node", d.node.name, "type", d.event, "event", id, "error", err)
			d.giveBack(m, d.settings.Redelivery.Max)
			return
		}
		d.deadLetters.Add(1)
		d.node.logRarely("event became a durable dead letter", "type", d.event, "event", id, "peer", d.peer, "place", f.place, "error", text)
	}
	d.ack(m, meta)
}

// keepAlive tells the outbox that the events under way are in good hands.
func (d *durableImport) keepAlive() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.open {
		_ = m.InProgress() // at worst it comes again
	}
}

// underWay counts the events that were taken and not settled.
func (d *durableImport) underWay() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// ready waits until the import is bound to the outbox.
func (d *durableImport) ready(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		state := d.state.Load()
		if state.bound || state.final {
			return state.err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", state.err, context.Cause(ctx))
		}
	}
}

// lookAgain is how often ready looks.
const lookAgain = 20 * time.Millisecond
