package mesh

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
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
		if !n.lines.addByHub(asReader, name) {
			continue
		}
		// Who speaks follows from the subject, which the hub lets nobody else publish on.
		if err := n.hub.HearFrom(name, func(m *nats.Msg) (cost int) { return n.readers.Hear(name, m.Data) }); err != nil {
			return err
		}
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
	n.lines.addReader(line)
	return line, line.Hear(func(m *nats.Msg) (cost int) { return n.readers.Hear(name, m.Data) })
}

// addExporters lets events come in from those that export, by a direct link or the hub.
func (n *Node) addExporters(c config.Node) error {
	remotes, _ := n.leaf.Peers()
	for _, r := range remotes {
		if r.Shut {
			continue
		}
		if err := n.addExporter(r.Name); err != nil {
			return err
		}
	}
	for _, name := range topology.ExportersByHub(c) {
		if err := n.inlets.Add(name, hubExporter{n.hub, name, n}); err != nil {
			return err
		}
		if n.lines.addByHub(asExporter, name) {
			if err := n.hearExporter(n.hub, name); err != nil {
				return err
			}
		}
	}
	if n.hub != nil {
		if err := n.hub.Flush(n.life.intake); err != nil {
			return err
		}
	}
	return n.flushLines(n.lines.exporters())
}

func (n *Node) addExporter(name string) (err error) {
	line := n.lines.exporter(name)
	known := line != nil
	if !known {
		if line, err = n.leaf.ToExporter(name); err != nil {
			return err
		}
		n.lines.addExporter(line)
	}
	if err := n.inlets.Add(name, exporter{line, n}); err != nil || known {
		return err
	}
	return n.hearExporter(line, name)
}

// hearExporter lets an exporter speak.
func (n *Node) hearExporter(line *leaf.Line, name string) error {
	s, err := line.Subscribe(leaf.ToReader(n.name, name), func(m *nats.Msg) { n.inlets.Hear(name, m.Data) })
	if err == nil {
		err = s.SetPendingLimits(-1, maxSaid) // the credits of imports bound it, of an exporter that keeps to them
	}
	return err
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
