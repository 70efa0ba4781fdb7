package mesh

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// importer is one declared import: a subscription in account in. Its callback
// runs on one goroutine of the NATS client.
type importer struct {
	node         *Node
	event        string
	eventType    *eventType
	wireSubject  string
	subscription *nats.Subscription
	malformed    *counter
	rerooted     *counter
	late         *counter
	drained      <-chan nats.SubStatus // set by stop
	origins      map[string]bool       // the last steps of events of this type: "<peer>:<subject>"
	slow         *counter
	dropped      atomic.Uint64 // what slow has of the subscription's own count
	envelope     wire.Envelope // used again for each message
}

// importPending bounds what waits in the client while handlers are full; past
// it messages are lost, and counted under slow-consumer.
const (
	importPendingEvents = 1 << 16
	importPendingBytes  = 64 << 20
)

func (n *Node) newImport(i Import) *importer {
	return &importer{
		node: n, event: i.Event, eventType: n.table.Load().types[i.Event], wireSubject: i.Event + ".*",
		malformed: n.counters.cell(i.Event, stats.Lost, "import", stats.Malformed),
		rerooted:  n.counters.cell(i.Event, stats.Rerooted, "", ""), // where imported is
		slow:      n.counters.cell(i.Event, stats.Lost, "import", stats.SlowConsumer),
		late:      n.counters.cell(i.Event, stats.Lost, "import", stats.Closed),
		origins:   n.originsOf(i.Event),
	}
}

// subscribe begins the import. Instances that share are one queue group, named
// after the service.
func (i *importer) subscribe(delivery Delivery) (err error) {
	if delivery == Shared {
		i.subscription, err = i.node.in.QueueSubscribe(i.wireSubject, config.ServiceOf(i.node.name), i.receive)
	} else {
		i.subscription, err = i.node.in.Subscribe(i.wireSubject, i.receive)
	}
	if err == nil {
		err = i.subscription.SetPendingLimits(importPendingEvents, importPendingBytes)
	}
	if err != nil {
		return fmt.Errorf("mesh: import %s: %w", i.event, err)
	}
	return nil
}

// receive takes one message from a link. It never fails the subscription.
func (i *importer) receive(m *nats.Msg) {
	if i.node.intake.Err() != nil {
		i.late.Add(1)
		return
	}
	h, damage, err := i.header(m.Subject, m.Data)
	if err != nil {
		i.malformed.Add(1)
		i.node.logRarely("malformed message dropped", "subject", m.Subject, "bytes", len(m.Data), "error", err)
		return
	}
	event := limitedBy(&h)
	v, err := admitAll(i.node.intake, i.eventType.rules.Load().imports, &event, i.node.clock.now())
	switch {
	case err != nil || v.shed != nil: // counted by the rule
	case v.coalesce != nil:
		v.coalesce.coalescer.keep(&event, &lateImport{importer: i, limit: v.coalesce, header: h, damage: damage, payload: i.envelope.Payload})
	default:
		i.deliver(i.node.intake, &h, damage, i.envelope.Payload, false)
	}
}

// deliver gives an event that the rules let pass to the handlers.
func (i *importer) deliver(ctx context.Context, h *Header, damage error, payload []byte, late bool) {
	i.countImported(h, damage)
	if err := i.eventType.admitImported(h, i.node.clock.now()); err != nil {
		i.node.logRarely("imported event refused", "error", err)
		return
	}
	if err := i.eventType.deliverEncoded(ctx, h, payload, late, nil); err != nil {
		i.node.logRarely("imported event not delivered", "type", i.event, "error", err)
	}
}

// countImported counts an event that the rules let in.
func (i *importer) countImported(h *Header, damage error) {
	i.eventType.imported.Add(1)
	if damage != nil {
		i.rerooted.Add(1)
		i.node.logRarely("event with a damaged causal header became a root", "type", i.event, "event", h.ID, "error", damage)
	}
}

// header decodes a message and checks that it is what its subject says.
//
// An event whose causal header is damaged becomes a root, and damage says what is
// wrong with it. It can not pass the check of its origin, and needs none: it
// passes for nobody. Nor does it get more than others. The subject still binds
// it to a peer of the type's service, and a peer that wants its events to be
// roots, with fresh budgets, can say so in good form. Rules by peer have one
// bucket for all such events of a rule.
func (i *importer) header(subject string, data []byte) (h Header, damage, err error) {
	e := &i.envelope
	if damage = wire.DecodeEnvelope(data, e); damage != nil {
		if err := wire.Reroot(data, i.event, e); err != nil {
			return Header{}, nil, err
		}
	}
	if err := e.MatchSubject(subject); err != nil {
		return Header{}, nil, err
	}
	if origin := e.Path[len(e.Path)-1]; damage == nil && !i.origins[string(origin)] {
		return Header{}, nil, fmt.Errorf("it says it is from %s, which is no peer that this node imports %s from", e.Origin(), i.event)
	}
	return i.node.headerOf(e, i.node.imported), damage, nil
}

// headerOf gives the header of an event that came encoded; paths keeps its path.
func (n *Node) headerOf(e *wire.Envelope, paths *cause.Tree) Header {
	return Header{ID: ID(e.ID), Root: ID(e.Root), Parent: ID(e.Parent), Key: e.Key}.On(paths.Walk(e.Path), e.Time, e.Waited)
}

// countDropped moves what the client dropped into the counters.
func (i *importer) countDropped() {
	if i.subscription == nil {
		return
	}
	now, err := i.subscription.Dropped()
	if err != nil || now < 0 {
		return
	}
	for before := i.dropped.Load(); uint64(now) > before; before = i.dropped.Load() {
		if i.dropped.CompareAndSwap(before, uint64(now)) {
			i.slow.Add(uint64(now) - before)
			return
		}
	}
}

// stop ends the intake: no new messages, those that have come are handled.
func (i *importer) stop(ctx context.Context) error {
	if i.subscription == nil {
		return nil
	}
	defer i.countDropped()
	var err error
	if i.drained, err = drain(ctx, i.subscription); err != nil {
		return fmt.Errorf("mesh: drain import %s: %w", i.event, err)
	}
	return nil
}

// drain ends a subscription after its waiting messages were handled. If ctx ends
// before, the channel tells when they are.
func drain(ctx context.Context, s *nats.Subscription) (drained <-chan nats.SubStatus, err error) {
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
		return drained, endOf(ctx)
	}
}

// originsOf lists the last steps that an event of the type can have: emitted by
// a peer of its service that this node dials. So a peer can not pass for a node
// of another service, or for one that does not exist. Among the instances of one
// service it could: the links do not tell them apart.
func (n *Node) originsOf(event string) map[string]bool {
	origins := map[string]bool{}
	for _, p := range n.config.Peers {
		if p.URL != "" && config.ServiceOf(p.Name) == config.OwnerOf(event) {
			origins[p.Name+":"+event] = true
		}
	}
	return origins
}
