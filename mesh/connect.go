package mesh

import (
	"context"
	"path/filepath"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/memory"
	"leafmesh/mesh/internal/neighbours"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/stats"
)

// connect joins the flow to the server, and starts both.
func (n *Node) connect(ctx context.Context) (err error) {
	n.openNeighbours()
	if err := n.openMemory(); err != nil {
		return err
	}
	if len(n.config.DurableExports()) > 0 {
		if err := n.openOutbox(ctx); err != nil {
			return err
		}
	}
	if err := n.openReaders(); err != nil {
		return err
	}
	n.neighbours.Add(n.peers.Readers)
	if n.config.Tap != nil {
		if n.desk, err = operations.Open(n.leaf, n.log, n.life.intake, n.emitEncoded); err != nil {
			return err
		}
		n.ports.Tap = n.desk.Tap
	}
	n.workers.Start()
	watch := graph.NewWatch(n.thresholds())
	n.watching.Go(func() { n.watchHandlers(n.life.intake.Done()) })
	n.watching.Go(func() {
		clock.Sleep(n.life.intake, clock.ToBeat(time.Second)) // then each second is one with the other looks
		watch.Run(n.life.intake.Done(), n.thresholds, n.trace.Samples, n.alarm)
	})
	if err := n.openInlets(); err != nil {
		return err
	}
	n.neighbours.Add(n.peers.Inlets)
	if err := n.answer(); err != nil {
		return err
	}
	if err := n.leaf.Serve(); err != nil {
		return err
	}
	n.watching.Go(n.watchHealth)
	return nil
}

// openNeighbours lets peers speak of cascades, and of what operators ask.
func (n *Node) openNeighbours() {
	var names []string
	for _, p := range n.config.Peers {
		names = append(names, p.Name)
	}
	n.neighbours = neighbours.New(neighbours.Spec{Node: n.name, Peers: names, Clock: n.clock, Log: n.log, Recall: n.memory.Recall,
		Takes: func(peer, subject string) bool { return n.peers.Readers.Takes(peer, subject) }, Keep: n.memory.Keep, Admit: n.admit})
}

// openMemory begins to keep the cascades in which something goes wrong: on the disk, if the node
// has a data directory that is its own.
func (n *Node) openMemory() error {
	env := memory.Env{Running: n.running, Kept: n.neighbours.Kept, Shelved: n.tracer.keep}
	env.Handlers = func(subject string) (names []string, known bool) {
		t := n.table.Load().types[subject]
		if t == nil {
			return nil, false
		}
		return t.handlers.Names(), true
	}
	if n.config.IsDurable() {
		env.Folder = filepath.Join(string(n.config.Data), "cascades")
	}
	return n.memory.Open(env)
}

// openOutbox opens the store of durable events.
func (n *Node) openOutbox(ctx context.Context) (err error) {
	if n.store, err = n.leaf.Connect(leaf.Store); err != nil {
		return err
	}
	c := topology.Outbox(n.config, n.leaf.ResetOutbox, n.log)
	c.Clock, c.FirstStart = n.clock, n.storage.IsNew()
	c.Send = func(reader string, message []byte) error { return n.peers.Readers.Send(reader, message) }
	c.Shorten = func(reader string, dst, event []byte) ([]byte, bool) {
		return n.peers.Readers.Shorten(reader, dst, event)
	}
	c.HasRoom = func(reader string) bool { return n.peers.Readers.HasRoom(reader) }
	if n.kept, err = outlet.OpenStore(ctx, n.store, c, c.MaxPayload, n.trace); err != nil {
		return err
	}
	return n.storage.OutboxMade(string(n.config.Data))
}

// openReaders lets the instances that may read the node's exports speak to it.
func (n *Node) openReaders() error {
	env := readers.Env{Node: n.name, Exports: n.config.Exports, MayImport: n.peers.MayImport, MaxPayload: int(n.config.MaxPayload), Log: n.log,
		Malformed: n.trace.Point(steps.Step{Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.Malformed}),
		Unheard: func(subject, service string) *steps.Point {
			return n.trace.Point(steps.Step{Type: subject, Outcome: stats.Unheard, Place: steps.At(steps.Export), Rule: service})
		},
		Lost: n.lostOnLink, Neighbours: n.neighbours.Hear, Wall: n.clock.True,
		PathOf: func(steps [][]byte) *cause.Path { return n.treeOf(steps).Walk(steps) }}
	if n.kept != nil {
		env.Outbox = n.kept
	}
	n.ports.Readers = readers.New(env, nil)
	if n.config.Listen != "" || n.config.Hub != nil {
		n.watching.Go(func() { n.ports.Readers.Watch(n.life.intake.Done()) })
	}
	return n.peers.OpenReaders(n.ports.Readers, n.config)
}

// lostOnLink counts events that were sent and did not arrive.
func (n *Node) lostOnLink(subject string, events uint64) {
	n.trace.Point(steps.Step{Type: subject, Outcome: stats.Lost, Place: steps.At(steps.Export), Rule: stats.LinkCut}).PassUnknown(events, nil)
	n.log.Warn("events that were sent did not arrive", "type", subject, "events", events, "rule", stats.LinkCut)
}

// openInlets opens the imports, and hears what exporters say.
func (n *Node) openInlets() error {
	env := &inlet.Env{Node: n.name, Peers: n.peers.List, Clock: n.clock, Log: n.log, Trace: n.trace, Paths: n.paths.imported,
		Intake: n.life.intake, Handling: n.life.handling, MaxPayload: int(n.config.MaxPayload), Neighbours: n.neighbours.Hear,
		Letters: n.storage.Letters.Durable, Bookmarks: n.storage.Bookmarks}
	return n.peers.OpenInlets(inlet.NewSet(env, n.config.Imports, n.inletType), n.config)
}
