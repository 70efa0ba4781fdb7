package mesh

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/topology"
)

// openOutbox opens the store of durable events, and lets the instances that read it speak to it.
// What it pushes to them has a connection of its own, so that it holds up no other export.
func (n *Node) openOutbox(ctx context.Context) (err error) {
	if n.store, err = n.leaf.Connect(leaf.Store); err != nil {
		return err
	}
	if n.pushes, err = n.leaf.Connect(leaf.Out); err != nil {
		return err
	}
	c := topology.Outbox(n.config, n.leaf.ResetOutbox, n.log.Logger)
	c.Clock = n.clock
	c.Send = func(reader string, message []byte) error {
		return n.pushes.Publish(leaf.ToReader(reader, n.name), message)
	}
	if n.kept, err = outlet.OpenStore(ctx, n.store, c, c.MaxPayload, n.trace); err != nil {
		return err
	}
	if _, err = n.pushes.Subscribe(leaf.FromReader("*", n.name), func(m *nats.Msg) {
		n.kept.Hear(leaf.ReaderOf(m.Subject), m.Data)
	}); err != nil {
		return err
	}
	n.watching.Go(n.watchReaders)
	return n.pushes.Flush()
}

// lookAtReaders is how soon the outbox learns that the link of a reader is down: then it gives what
// that one had to others.
const lookAtReaders = 100 * time.Millisecond

// watchReaders tells the outbox whose link has gone.
func (n *Node) watchReaders() {
	tick := time.NewTicker(lookAtReaders)
	defer tick.Stop()
	up := map[string]bool{}
	for {
		select {
		case <-tick.C:
		case <-n.life.intake.Done():
			return
		}
		for _, p := range n.config.Peers {
			linked := n.leaf.Interested(leaf.Out, leaf.ToReader(p.Name, n.name))
			if up[p.Name] && !linked {
				n.kept.Gone(p.Name)
			}
			up[p.Name] = linked
		}
	}
}

// openInlets opens the imports, and hears what exporters say about the durable ones.
func (n *Node) openInlets() (err error) {
	env := &inlet.Env{Node: n.name, Peers: n.config.Peers, Clock: n.clock, Log: n.log, Trace: n.trace, Paths: n.imported, Conn: n.in,
		Intake: n.life.intake, Handling: n.life.handling,
		Letters: n.storage.Letters.Letters, Bookmarks: n.storage.Bookmarks, MaxPayload: int(n.config.MaxPayload),
		Say: func(exporter string, message []byte) error {
			return n.in.Publish(leaf.FromReader(n.name, exporter), message)
		},
		Linked: n.leaf.Linked}
	if n.inlets, err = inlet.OpenSet(env, n.config.Imports, n.inletType); err != nil {
		return err
	}
	for _, p := range n.config.Peers {
		if !n.takesDurably(p) {
			continue
		}
		exporter := p.Name
		s, err := n.in.Subscribe(leaf.ToReader(n.name, exporter), func(m *nats.Msg) { n.inlets.Hear(exporter, m.Data) })
		if err == nil {
			err = s.SetPendingLimits(-1, -1) // the credit of each import bounds it
		}
		if err != nil {
			return err
		}
	}
	if err := n.in.Flush(); err != nil {
		return err
	}
	n.inlets.Start()
	return nil
}

// takesDurably reports whether the node imports a type of the peer's service from its outbox.
func (n *Node) takesDurably(p config.Peer) bool {
	for _, i := range n.config.Imports {
		if i.Durable && p.URL != "" && config.OwnerOf(i.Event) == config.ServiceOf(p.Name) {
			return true
		}
	}
	return false
}
