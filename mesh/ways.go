package mesh

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
)

// addReaders lets those speak that may read exports, by a direct link, the hub, or both.
func (n *Node) addReaders(c config.Node) error {
	_, importers := n.leaf.Peers() // whose keys were read: an undo must not need their files again
	for _, r := range importers {
		if r.Shut {
			continue
		}
		line, err := n.lineToReader(r.Name)
		if err != nil {
			return err
		}
		if n.hub == nil {
			n.readers.Add(line)
		}
	}
	for _, name := range topology.ReadersByHub(c) {
		n.readers.Add(n.hubReader(name))
		if n.lines.byHub(asReader, name) {
			continue
		}
		// Who speaks follows from the subject, which the hub lets nobody else publish on.
		heard, err := n.hub.HearFrom(name, func(m *nats.Msg) (cost int) { return n.readers.Hear(name, m.Data) })
		if err != nil {
			return err
		}
		n.lines.addByHub(asReader, name, heard)
	}
	return n.flushLines(n.lines.readers())
}

// lineToReader finds or opens the line to a reader, which is heard on it.
func (n *Node) lineToReader(name string) (line *leaf.Line, err error) {
	if line = n.lines.reader(name); line != nil {
		return line, nil
	}
	if line, err = n.leaf.ToReader(name); err != nil {
		return nil, err
	}
	if err = line.Hear(func(m *nats.Msg) (cost int) { return n.readers.Hear(name, m.Data) }); err != nil {
		line.Close()
		return nil, err
	}
	n.lines.addReader(line)
	return line, nil
}

// addExporters lets events come in from those that export, by a direct link or the hub.
func (n *Node) addExporters(c config.Node) error {
	remotes, _ := n.leaf.Peers()
	for _, r := range remotes {
		if r.Shut {
			continue
		}
		if err := n.inlets.Add(r.Name, func() (inlet.Exporter, error) { return n.toExporter(r.Name) }); err != nil {
			return err
		}
	}
	for _, name := range topology.ExportersByHub(c) {
		if err := n.inlets.Add(name, func() (inlet.Exporter, error) { return n.toExporterByHub(name) }); err != nil {
			return err
		}
	}
	if n.hub != nil {
		if err := n.hub.Flush(n.life.intake); err != nil {
			return err
		}
	}
	return n.flushLines(n.lines.exporters())
}

// toExporter opens the way to an exporter with a direct link.
func (n *Node) toExporter(name string) (inlet.Exporter, error) {
	line, err := n.leaf.ToExporter(name)
	if err != nil {
		return nil, err
	}
	n.lines.addExporter(line)
	if _, err := n.hearExporter(line, name); err != nil {
		n.lines.removeExporter(name)
		return nil, err
	}
	return exporter{line, n}, nil
}

// toExporterByHub opens the way to an exporter that is reached by the hub.
func (n *Node) toExporterByHub(name string) (inlet.Exporter, error) {
	heard, err := n.hearExporter(n.hub, name)
	if err != nil {
		return nil, err
	}
	n.lines.addByHub(asExporter, name, heard)
	return hubExporter{n.hub, name, n}, nil
}

// hearExporter lets an exporter speak.
func (n *Node) hearExporter(line *leaf.Line, name string) (*nats.Subscription, error) {
	heard, err := line.Subscribe(leaf.ToReader(n.name, name), func(m *nats.Msg) { n.inlets.Hear(name, m.Data) })
	if err == nil {
		err = heard.SetPendingLimits(-1, maxSaid) // the credits of imports bound it, of an exporter that keeps to them
	}
	return heard, err
}

// otherWays are the peers that are to be reached by another way than before: the hub in place of a
// direct link, or the other way round. That needs a restart.
func (n *Node) otherWays(c config.Node) (changes config.Changes) {
	if n.hub == nil {
		return nil
	}
	const direct, byHub = "a direct link", "the hub alone"
	for i, p := range c.Peers {
		add := func(field string, old, new string) {
			changes = append(changes, config.RestartFor(fmt.Sprintf("peers[%s].%s", p.Name, field), fmt.Sprintf("peers[%d].%s", i, field), old, new))
		}
		hub, linked := n.lines.byHub(asReader, p.Name), n.lines.reader(p.Name) != nil
		switch reads := topology.ReadsDirectly(c, p); {
		case hub && reads && !linked:
			add("may_import", byHub, direct)
		case hub && !reads && linked && len(p.MayImport) > 0:
			add("may_import", direct, byHub)
		}
		hub, linked = n.lines.byHub(asExporter, p.Name), n.lines.exporter(p.Name) != nil
		switch {
		case !n.importsFrom(c, p):
		case hub && !c.ByHub(p):
			add("url", byHub, direct)
		case linked && c.ByHub(p):
			add("url", direct, byHub)
		}
	}
	return changes
}
