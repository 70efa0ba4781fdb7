package inlet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/outbox"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

const (
	// inFlight is how many events of a durable import the service's instances may have taken and
	// not handled yet, together: what bounds the memory of a slow one and what a dead one keeps
	// from the others.
	inFlight = 512
	// ackWait is how long the outbox waits for a sign of life about an event that it has handed
	// out, before it hands it out again. A live node gives one every keepAlive, so that a slow
	// handler has all the time it needs.
	ackWait   = 10 * time.Second
	keepAlive = 3 * time.Second
	// pullHeartbeat is how often an idle outbox says that it is there; a link that is gone is
	// noticed after two.
	pullHeartbeat = time.Second
	pullExpiry    = 10 * time.Second
	// bindTimeout bounds each request to the outbox of a peer, bindPause is between tries. What a
	// linked peer leaves unanswered maxSilent times it does not offer; the first times, its
	// interest may still be on the way.
	bindTimeout = 2 * time.Second
	bindPause   = 200 * time.Millisecond
	maxSilent   = 5
)

// durable takes the events of one type out of the outbox of one peer.
type durable struct {
	*inlet
	peer     string
	settings config.Import
	consumer string // its name in the outbox
	js       jetstream.JetStream

	present                                          atomic.Pointer[state]
	redelivered, acknowledged, deadLetters, orphaned *steps.Point

	// waiting are those taken and not yet shown to the gate. It has room for all.
	waiting chan *taken

	mu     sync.Mutex
	open   map[uint64]*taken // guarded by mu: taken and not settled, by their sequence
	stream string            // guarded by mu: the identity of the outbox that they are from
	// excused counts the deliveries that are no reason to give an event up, by its sequence.
	// guarded by mu
	excused map[uint64]uint64
}

// state is how a durable import is connected.
type state struct {
	bound bool
	err   error // why not
	final bool  // waiting would not help
}

// openDurable makes a durable import for each peer that may export the type.
func openDurable(env *Env, of Type, settings config.Import) (list []*durable, err error) {
	point := func(outcome stats.Outcome, rule string) *steps.Point {
		return env.Trace.Point(steps.Step{Type: of.Subject, Outcome: outcome, Place: steps.At(steps.Import), Rule: rule})
	}
	for _, p := range env.Peers {
		if p.URL == "" || config.ServiceOf(p.Name) != config.OwnerOf(of.Subject) {
			continue
		}
		js, err := jetstream.NewWithDomain(env.Conn, p.Name)
		if err != nil {
			return nil, fmt.Errorf("import %s from %s: %w", of.Subject, p.Name, err)
		}
		d := &durable{inlet: newInlet(env, of), peer: p.Name, settings: settings, js: js,
			consumer:     outbox.ConsumerName(config.ServiceOf(env.Node), of.Subject),
			redelivered:  point(stats.Redelivered, ""),
			acknowledged: point(stats.Acknowledged, ""),
			deadLetters:  point(stats.DeadLettered, ""),
			orphaned:     point(stats.Lost, stats.OutboxGone),
			waiting:      make(chan *taken, 2*inFlight), // twice: a peer that was wiped may hand out as many again
			open:         map[uint64]*taken{},
			excused:      map[uint64]uint64{},
		}
		d.present.Store(d.unbound(errNotBound, false))
		list = append(list, d)
	}
	return list, nil
}

var errNotBound = errors.New("not connected yet")

// run takes events until the node's intake ends. It binds itself to the outbox again whenever the
// link was lost or the peer began anew.
func (d *durable) run() {
	defer close(d.waiting)
	ctx := d.Intake
	silent := 0 // tries in a row that a linked peer did not answer
	for ctx.Err() == nil {
		messages, err := d.bind(ctx)
		if err == nil {
			silent = 0
			d.present.Store(&state{bound: true})
			d.consume(ctx, messages)
			continue
		}
		if silent++; !noAnswer(err) || !d.linked(d.peer) {
			silent = 0
		}
		d.present.Store(d.unbound(err, silent >= maxSilent))
		clock.Sleep(ctx, bindPause)
	}
}

// unbound says why the import is not bound. A peer that is linked and gives no answer for long does
// not let this service read the type from an outbox.
func (d *durable) unbound(err error, refused bool) *state {
	switch {
	case errors.Is(err, context.DeadlineExceeded): // bind's own, and nobody else's
		err = fmt.Errorf("no answer within %v", bindTimeout)
	case refused:
		err = fmt.Errorf("%s keeps no %s for service %s: name the service in the export's kept_for there, or import it without durable: %w",
			d.peer, d.of.Subject, config.ServiceOf(d.Node), leaf.ErrNotExported)
	}
	return &state{err: fmt.Errorf("durable import of %s from %s: %w", d.of.Subject, d.peer, err), final: refused}
}

func noAnswer(err error) bool {
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// bind looks at the outbox, makes or finds this service's consumer there, and begins to pull.
func (d *durable) bind(ctx context.Context) (jetstream.MessagesContext, error) {
	ctx, cancel := context.WithTimeout(ctx, bindTimeout)
	defer cancel()
	stream, err := d.js.Stream(ctx, leaf.Stream)
	if err != nil {
		return nil, err
	}
	identity, last := outbox.Identity(stream.CachedInfo())
	d.orphan(identity, last) // before the consumer is there, which takes acknowledgements
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

// compare says loudly when the outbox is not the one that this node knew.
func (d *durable) compare(identity string, last uint64, info *jetstream.ConsumerInfo) {
	found := d.Bookmarks.meet(bookmark.Place{Peer: d.peer, Subject: d.of.Subject}, bookmark.Mark{Stream: identity, Sequence: last})
	switch {
	case found.Kind == bookmark.New && info.AckFloor.Consumer > 0:
		d.Log.Warn("this node remembers nothing of an outbox that its service has read: if its database is new too, "+
			"the events handled so far do not come again", "node", d.Node, "peer", d.peer, "type", d.of.Subject, "handled", info.AckFloor.Consumer)
	case found.Kind == bookmark.New || found.Kind == bookmark.Same:
	default:
		d.Trace.Point(steps.Step{Type: d.of.Subject, Outcome: stats.OutboxChanged, Place: steps.At(steps.Import), Rule: found.Kind.String()}).PassUnknown(1, nil)
		d.Log.Error("the outbox of a peer is not as this node left it", "node", d.Node, "peer", d.peer, "type", d.of.Subject, "what", found.String())
	}
}

// consume takes events until something is wrong with the outbox or the link, or the intake ends.
// What the client has by then is taken too: the outbox takes it for delivered, and would wait for
// an answer.
func (d *durable) consume(ctx context.Context, messages jetstream.MessagesContext) {
	defer messages.Stop()
	for drained := false; ; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case err == nil:
			d.receive(m)
		case drained:
			return
		default:
			messages.Drain()
			drained, ctx = true, context.WithoutCancel(ctx)
		}
	}
}

// stats is how the import is connected, and what it has under way.
func (d *durable) stats() stats.DurableImport {
	present := d.present.Load()
	s := stats.DurableImport{Peer: d.peer, Type: d.of.Subject, Connected: present.bound, UnderWay: d.underWay()}
	if present.err != nil {
		s.Problem = present.err.Error()
	}
	return s
}

// underWay counts the events that were taken and not settled.
func (d *durable) underWay() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// ready waits until the import is bound to the outbox.
func (d *durable) ready(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
	defer ticker.Stop()
	for {
		state := d.present.Load()
		if state.bound || state.final {
			return state.err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", state.err, clock.EndOf(ctx))
		}
	}
}

// lookAgain is how often ready looks.
const lookAgain = 20 * time.Millisecond
