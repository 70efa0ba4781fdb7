package inlet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// inlet is one declared import from one exporter. Of events that are at most once its callback runs
// on one goroutine of the NATS client.
type inlet struct {
	*Env
	of           Type
	exporter     string
	from         *talk
	kind         string      // what it is called
	each         atomic.Bool // each instance of the service gets the events
	left         atomic.Bool // it is imported no more: the exporter hears so, and what is on its way still comes in
	step         string      // the last of events from the exporter: "<exporter>:<subject>"
	present      atomic.Pointer[state]
	subscription *nats.Subscription
	subscribed   bool // guarded by the set's mu

	stopping sync.Mutex
	drained  <-chan nats.SubStatus // guarded by stopping: set by stop

	run      atomic.Uint64 // the exporter's, see wire.AppendPlace
	counted  atomic.Uint64 // events of the run that are through, or did not arrive
	told     atomic.Uint64 // of counted: what the exporter was told over the link that is up
	received atomic.Uint64 // events that are through, or did not arrive
	dropped  int           // messages that the client dropped; owned by receive
	behind   int           // messages among which more may miss that the client dropped; owned by receive
	link     uint64        // over which the first message came, or the last loss was noticed; owned by receive

	malformed, overdue, slow, cut, hubCut *steps.Point

	events   [][]byte      // used again for each message
	paths    *paths        // that short events have numbers of
	process  uint64        // see wire.DecodeLinked
	envelope wire.Envelope // used again for each event
	header   cause.Header  // as well
}

// pendingEvents and pendingBytes bound what waits in the client while handlers are full; past it
// messages are lost, and counted under slow-consumer.
const (
	pendingEvents = 1 << 16
	pendingBytes  = 10 << 20 // an exporter has 8 MiB on their way at most
)

func newInlet(from *talk, of Type, kind string) *inlet {
	env, exporter := from.Env, from.exporter
	lost := func(rule string) *steps.Point {
		return env.Trace.Point(steps.Step{Type: of.Subject, Outcome: stats.Lost, Place: steps.At(steps.Import), Rule: rule})
	}
	i := &inlet{Env: env, of: of, exporter: exporter, from: from, kind: kind, step: exporter + ":" + of.Subject,
		malformed: lost(stats.Malformed), overdue: lost(stats.Closed), slow: lost(stats.SlowConsumer), cut: lost(stats.LinkCut), hubCut: lost(stats.HubCut)}
	i.unbind(errNotBound, false)
	return i
}

// newPlain makes an import that is at most once, and that is left until it is chosen.
func newPlain(t *talk, of Type) *inlet {
	i := newInlet(t, of, "import")
	i.left.Store(true)
	return i
}

// subscribe begins an import that is at most once, or begins it again after stop.
func (i *inlet) subscribe() (err error) {
	if i.subscribed {
		return nil
	}
	i.dropped, i.behind = 0, 0
	if i.subscription, err = i.from.to().Subscribe(i.of.Subject, i.receive); err == nil {
		i.subscribed = true
		err = i.subscription.SetPendingLimits(pendingEvents, pendingBytes)
	}
	if err != nil {
		i.unsubscribe()
		return fmt.Errorf("import %s: %w", i.of.Subject, err)
	}
	return nil
}

// unsubscribe undoes subscribe: nothing has come.
func (i *inlet) unsubscribe() {
	if i.subscribed {
		_ = i.subscription.Unsubscribe() // an error says that the way is closed
		i.subscribed = false
	}
}

// receive takes one message from a link. It never fails the subscription.
func (i *inlet) receive(m *nats.Msg) {
	run, before, container, err := wire.SplitPlace(m.Data)
	if err == nil {
		i.events, err = wire.SplitContainer(container, i.events[:0])
	}
	if err != nil {
		i.drop(m, err)
		return
	}
	if i.link == 0 {
		i.link, _ = i.from.to().Link()
	}
	i.count(m.Sub, run, before)
	if i.behind > 0 {
		i.behind--
	}
	i.process = wire.ProcessOf(run)
	i.paths = i.from.paths.Load().from(i.process)
	for _, event := range i.events {
		i.receiveEvent(m, event)
		i.received.Add(1) // now that it is where it waits, or dropped
		i.counted.Add(1)
	}
	i.from.stir()
}

// count counts the events that the exporter has sent before and that have not arrived: the client
// dropped their messages, or the link did.
func (i *inlet) count(by *nats.Subscription, run, before uint64) {
	if i.run.Load() != run {
		i.counted.Store(0)
		i.run.Store(run)
	}
	counted := i.counted.Load()
	if before <= counted {
		return
	}
	lost, why := before-counted, i.whereLost(by)
	why.PassUnknown(lost, nil)
	i.Log.Warn("events did not arrive", "type", i.of.Subject, "peer", i.exporter, "events", lost, "rule", why.Step().Rule)
	i.received.Add(lost)
	i.counted.Store(before)
}

// whereLost says under which rule events count that did not arrive. Either the client has dropped
// messages: it tells of all at once, and gaps come one by one among those that wait. Or a link lost
// them: this node's own, if it is another one than before, or else the one between the exporter and
// its hub. It asks the subscription that the message came by: subscribe may not have returned yet.
func (i *inlet) whereLost(by *nats.Subscription) *steps.Point {
	link, _ := i.from.to().Link()
	same := link == i.link
	i.link = link
	if dropped, err := by.Dropped(); err == nil && dropped > i.dropped {
		i.dropped = dropped
		i.behind, _, _ = by.Pending() // an error says that none wait
		i.behind++                    // this one
		return i.slow
	}
	switch {
	case i.behind > 0:
		return i.slow
	case same && i.from.to().ByHub():
		return i.hubCut
	}
	return i.cut
}

// taken is how many events of a run are through, and whether that has changed since the last call.
func (i *inlet) taken() (run, count uint64, changed bool) {
	run, count = i.run.Load(), i.counted.Load()
	changed = count != i.told.Swap(count)
	return run, count, changed
}

// receiveEvent takes one event of a message: what is wrong with it harms no other.
func (i *inlet) receiveEvent(m *nats.Msg, data []byte) {
	if i.Intake.Err() != nil {
		i.overdue.PassUnknown(1, stats.ErrClosed)
		return
	}
	damage, err := i.decode(data)
	if err != nil {
		i.drop(m, err)
		return
	}
	event := rules.Of(&i.header)
	event.Size = len(i.envelope.Payload)
	v, err := rules.Admit(i.Intake, i.of.Rules(), &event, i.Clock.Now())
	switch {
	case err != nil || v.Shed != nil: // counted by the rule
	case v.Keep != nil:
		payload := i.envelope.Payload
		if len(i.events) > 1 { // else it would keep the others' bytes, too
			payload = bytes.Clone(payload)
		}
		v.Keep.Keep(&event, &kept{inlet: i, header: i.header, damage: damage, payload: payload})
	default:
		i.deliver(i.Intake, &i.header, damage, i.envelope.Payload, delivery.MayWait)
	}
}

// drop counts what cannot be read, or says what it may not.
func (i *inlet) drop(m *nats.Msg, why error) {
	i.malformed.PassUnknown(1, why)
	i.Log.Warn("malformed message dropped", "subject", m.Subject, "bytes", len(m.Data), "error", why)
}

// deliver gives an event that the rules let pass to the handlers.
func (i *inlet) deliver(ctx context.Context, h *cause.Header, damage error, payload []byte, p delivery.Pressure) {
	i.passImported(h, damage)
	if err := i.of.Admit(h, false); err != nil {
		i.Log.WarnAbout(h, "imported event refused", "error", err)
		return
	}
	if err := i.of.Enter(ctx, h, payload, p, nil); err != nil {
		i.Log.WarnAbout(h, "imported event not delivered", "error", err)
	}
}

// passImported counts an event that the rules let in.
func (i *inlet) passImported(h *cause.Header, damage error) {
	i.of.Imported.Pass(h)
	if damage != nil {
		i.of.Rerooted.PassError(h, damage)
		i.Log.WarnAbout(h, "event with a damaged causal header became a root", "error", damage)
	}
}

// decode decodes an event into header and envelope, and checks that it is of the import's type and
// from a node that exports it.
//
// An event whose causal header is damaged becomes a root, and damage says what is wrong with it. It
// cannot pass the check of its origin, and needs none: it passes for nobody. Nor does it get more
// than others. Its link still binds it to a peer of the type's service, and a peer that wants
// its events to be roots, with fresh budgets, can say so in good form. Rules by peer have one
// bucket for all such events of a rule.
func (i *inlet) decode(data []byte) (damage, err error) {
	e := &i.envelope
	if damage = wire.DecodeLinked(data, e, i.paths.dictionary(), i.process); damage != nil {
		if err := wire.Reroot(data, i.of.Subject, e); err != nil {
			return nil, err
		}
	}
	if subject := e.Subject(); string(subject) != i.of.Subject {
		return nil, fmt.Errorf("it is a %s", subject)
	}
	if last := e.Path[len(e.Path)-1]; damage == nil && string(last) != i.step {
		return nil, fmt.Errorf("it says it is from %s, and came from %s", e.Origin(), i.exporter)
	}
	if e.IsShort {
		i.header = headerOf(e, i.paths.path(e.Number))
	} else {
		i.header = HeaderOf(e, i.Paths)
	}
	return damage, nil
}

// HeaderOf is the header of an event that came encoded; paths keeps its path.
func HeaderOf(e *wire.Envelope, paths *cause.Tree) cause.Header {
	return headerOf(e, paths.Walk(e.Path))
}

func headerOf(e *wire.Envelope, path *cause.Path) cause.Header {
	return cause.Header{ID: cause.ID(e.ID), Root: cause.ID(e.Root), Parent: cause.ID(e.Parent), Key: e.Key}.On(path, e.Time, e.Age)
}

// kept is an event that came over a link and that a rule keeps. It waits for no queue.
type kept struct {
	inlet   *inlet
	header  cause.Header
	damage  error  // of its causal header; nil: none
	payload []byte // no longer the client's: see Type.Enter
}

// Header is the event's.
func (k *kept) Header() *cause.Header { return &k.header }

// GoOn lets the event go where it was going: see rules.Kept.
func (k *kept) GoOn(by *rules.Rule) {
	event, i := rules.Of(&k.header), k.inlet
	defer by.Arrived(&event)
	event.Size = len(k.payload)
	if by.Resume(i.of.Rules(), &event, k, i.Clock.Now()) {
		i.deliver(i.Handling, &k.header, k.damage, k.payload, delivery.MayOverfill)
	}
}

// arrived counts the events that are through, or were lost on the way here.
func (i *inlet) arrived() uint64 { return i.received.Load() }

// stop ends the intake: no new messages, those that have come are handled.
func (i *inlet) stop(ctx context.Context) error {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.subscription == nil {
		return nil
	}
	var err error
	if i.drained, err = Drain(ctx, i.subscription); err != nil {
		return fmt.Errorf("drain import %s: %w", i.of.Subject, err)
	}
	if dropped, err := i.subscription.Dropped(); err == nil && i.drained == nil && dropped > i.dropped {
		i.slow.PassUnknown(uint64(dropped-i.dropped), nil) // at least so many: no message came that tells
		i.dropped = dropped
	}
	return nil
}

// await waits until the import has looked at what the client still had when stop ended before: once
// the intake has ended that is counted as lost, and takes no time.
func (i *inlet) await(ctx context.Context) {
	i.stopping.Lock()
	drained := i.drained
	i.stopping.Unlock()
	if drained != nil {
		select {
		case <-drained:
		case <-ctx.Done():
		}
	}
}

// Drain ends a subscription after its waiting messages were handled. If ctx ends before, the
// channel tells when they are.
func Drain(ctx context.Context, s *nats.Subscription) (drained <-chan nats.SubStatus, err error) {
	drained = s.StatusChanged(nats.SubscriptionClosed)
	if err := s.Drain(); err != nil {
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
			return nil, nil
		}
		return nil, err
	}
	select {
	case <-drained:
		return nil, nil
	case <-ctx.Done():
		return drained, clock.EndOf(ctx)
	}
}
