package inlet

import (
	"sync"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/bookmark"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// The credit of a durable import: how much of one exporter it takes at once. That bounds the memory
// of a slow one. Twice as much is taken where the two do not agree on what is under way, as after
// an exporter died; all beyond goes back.
const (
	creditEvents = 512
	creditBytes  = 16 << 20
)

// durable takes the events of one type out of the outbox of one exporter.
type durable struct {
	*inlet
	talk     *talk
	place    bookmark.Place
	settings config.Import

	redelivered, acknowledged, deadLetters, orphaned *steps.Point

	parts   parts       // owned by who hears the exporter
	waiting chan *taken // taken and not yet shown to the gate

	mu      sync.Mutex
	open    map[uint64]*taken // guarded by mu: taken and not settled, by their sequence
	bytes   int               // guarded by mu: of open
	stream  string            // guarded by mu: the identity of the outbox that they are from
	memory  memory            // guarded by mu
	parking map[string]int    // guarded by mu: events that rules keep, by key
	parked  int               // guarded by mu: in all

	returning map[uint64]returning // guarded by mu: gone back as handlers failed them, by their sequence
}

// newDurable makes the durable import of a type from an exporter.
func newDurable(t *talk, of Type, settings config.Import) *durable {
	point := func(outcome stats.Outcome, rule string) *steps.Point {
		return t.Trace.Point(steps.Step{Type: of.Subject, Outcome: outcome, Place: steps.At(steps.Import), Rule: rule})
	}
	d := &durable{inlet: newInlet(t, of, "durable import"), talk: t, settings: settings,
		place:        bookmark.Place{Peer: t.exporter, Subject: of.Subject},
		redelivered:  point(stats.Redelivered, ""),
		acknowledged: point(stats.Acknowledged, ""),
		deadLetters:  point(stats.DeadLettered, ""),
		orphaned:     point(stats.Lost, stats.OutboxGone),
		waiting:      make(chan *taken, 2*creditEvents),
		open:         map[uint64]*taken{},
		parking:      map[string]int{},
	}
	return d
}

// asked is what the import asks its exporter for.
func (d *durable) asked() wire.HelloImport {
	mark := d.Bookmarks.mark(d.place)
	return wire.HelloImport{Type: d.of.Subject, Durable: true, Each: d.settings.Delivery == config.Each, Ordered: uint64(d.settings.Ordered), Handlers: d.of.Handlers,
		Events: creditEvents, Bytes: creditBytes, Stream: mark.Stream, Handled: mark.Sequence}
}

// welcome takes the exporter's answer. The first one on a link tells which outbox is there.
func (d *durable) welcome(w *wire.WelcomeImport, first bool) {
	if !d.inlet.welcome(w) {
		return
	}
	if d.meet(w.Stream, w.Last, first) {
		d.compare(w.Stream, w.Last)
	}
	d.bind()
}

// compare says loudly when the outbox is not the one that this node knew.
func (d *durable) compare(identity string, last uint64) {
	found := d.Bookmarks.meet(d.place, bookmark.Mark{Stream: identity, Sequence: last})
	if found.Kind == bookmark.New || found.Kind == bookmark.Same {
		return
	}
	d.Trace.Point(steps.Step{Type: d.of.Subject, Outcome: stats.OutboxChanged, Place: steps.At(steps.Import), Rule: found.Kind.String()}).PassUnknown(1, nil)
	d.Log.Error("the outbox of a peer is not as this node left it", "peer", d.place.Peer, "type", d.of.Subject, "error", found.String())
}

// stats is how the import is connected, and what it has under way.
func (d *durable) stats() stats.DurableImport {
	present := d.present.Load()
	s := stats.DurableImport{Peer: d.place.Peer, Type: d.of.Subject, Connected: present.bound, UnderWay: d.underWay()}
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
