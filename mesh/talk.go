package mesh

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/stats"
)

// openOutbox opens the store of durable events.
func (n *Node) openOutbox(ctx context.Context) (err error) {
	if n.store, err = n.leaf.Connect(leaf.Store); err != nil {
		return err
	}
	c := topology.Outbox(n.config, n.leaf.ResetOutbox, n.log)
	c.Clock, c.FirstStart = n.clock, n.storage.IsNew()
	c.Send = func(reader string, message []byte) error { return n.readers.Send(reader, message) }
	c.Shorten = func(reader string, dst, event []byte) ([]byte, bool) { return n.readers.Shorten(reader, dst, event) }
	c.HasRoom = func(reader string) bool { return n.readers.HasRoom(reader) }
	if n.kept, err = outlet.OpenStore(ctx, n.store, c, c.MaxPayload, n.trace); err != nil {
		return err
	}
	return n.storage.OutboxMade(string(n.config.Data))
}

// openReaders lets the instances that may read the node's exports speak to it.
func (n *Node) openReaders() error {
	env := readers.Env{Node: n.name, Exports: n.config.Exports, MayImport: n.peers.mayImport, MaxPayload: int(n.config.MaxPayload), Log: n.log,
		Malformed: n.trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.Malformed}),
		Unheard: func(subject, service string) *steps.Point {
			return n.trace.Point(steps.Step{Type: subject, Outcome: stats.Unheard, Place: steps.At(steps.Export), Rule: service})
		},
		Lost: n.lostOnLink, Neighbours: n.neighbours.Hear, Wall: n.clock.True,
		PathOf: func(steps [][]byte) *cause.Path { return n.treeOf(steps).Walk(steps) }}
	if n.kept != nil {
		env.Outbox = n.kept
	}
	n.readers = readers.New(env, nil)
	n.ports.Readers = n.readers
	if n.config.Listen != "" || n.hub != nil {
		n.watching.Go(n.watchReaders)
	}
	return n.addReaders(n.config)
}

// lostOnLink counts events that were sent and did not arrive.
func (n *Node) lostOnLink(subject string, events uint64) {
	n.trace.Point(steps.Step{Type: subject, Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.LinkCut}).PassUnknown(events, nil)
	n.log.Warn("events that were sent did not arrive", "type", subject, "events", events, "rule", stats.LinkCut)
}

// lookAtReaders is how soon a node learns that the link of a reader is down: what it kept for that
// one then goes to others.
const lookAtReaders = 125 * time.Millisecond

// watchReaders finds readers whose link has gone.
func (n *Node) watchReaders() {
	beat := time.NewTimer(clock.ToBeat(lookAtReaders))
	defer beat.Stop()
	for {
		select {
		case now := <-beat.C:
			n.readers.Look(now)
			beat.Reset(clock.ToBeat(lookAtReaders))
		case <-n.life.intake.Done():
			return
		}
	}
}

// exporter is the way to a node whose events come in: see inlet.Exporter.
type exporter struct {
	*leaf.Line
	node *Node
}

// Subscribe lets f hear events of a type.
func (e exporter) Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	return e.Line.Subscribe(leaf.EventsTo(e.node.name, e.Peer(), subject), f)
}

// Say says something to the exporter.
func (e exporter) Say(message []byte) error {
	return e.Publish(leaf.FromReader(e.node.name, e.Peer()), message)
}

// Link tells whether the exporter hears this node.
func (e exporter) Link() (number uint64, up bool) {
	if !e.Hears(leaf.FromReader(e.node.name, e.Peer())) {
		return 0, false
	}
	return e.Line.Link()
}

// ByHub is false: the link leads to the exporter.
func (exporter) ByHub() bool { return false }

// Close closes the line.
func (e exporter) Close() { e.node.lines.removeExporter(e.Peer()) }

// Redial dials the exporter at once.
func (e exporter) Redial() error { return e.node.leaf.Redial(e.Peer()) }

// Trouble is why the link is not up.
func (e exporter) Trouble() string { return e.node.leaf.Trouble(e.Peer()) }

// maxSaid bounds what waits of what an exporter says, in bytes.
const maxSaid = 64 << 20

// openInlets opens the imports, and hears what exporters say.
func (n *Node) openInlets() error {
	env := &inlet.Env{Node: n.name, Peers: n.peers.list, Clock: n.clock, Log: n.log, Trace: n.trace, Paths: n.imported,
		Intake: n.life.intake, Handling: n.life.handling, MaxPayload: int(n.config.MaxPayload), Neighbours: n.neighbours.Hear,
		Letters: n.storage.Letters.Durable, Bookmarks: n.storage.Bookmarks}
	n.inlets = inlet.NewSet(env, n.config.Imports, n.inletType)
	if err := n.addExporters(n.config); err != nil {
		return err
	}
	n.inlets.Start()
	return nil
}

// flushLines waits until the server knows what was subscribed to.
func (n *Node) flushLines(lines []*leaf.Line) error {
	for _, l := range lines {
		if err := l.Flush(context.Background()); err != nil {
			return err
		}
	}
	return nil
}
