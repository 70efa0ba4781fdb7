package mesh

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
)

// addReaders lets those speak that may read exports, by a direct link, the hub, or both.
func (n *Node) addReaders(c config.Node) error {
	list, err := topology.Readers(c)
	if err != nil {
		return err
	}
	for _, r := range list {
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
		if err := n.hub.HearFrom(name, func(m *nats.Msg) { n.readers.Hear(name, m.Data) }); err != nil {
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
	return line, line.Hear(func(m *nats.Msg) { n.readers.Hear(name, m.Data) })
}

// addExporters lets events come in from those that export, by a direct link or the hub.
func (n *Node) addExporters(c config.Node) error {
	list, err := topology.Remotes(c)
	if err != nil {
		return err
	}
	for _, r := range list {
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

// checkWays reports peers that are to be reached by another way than before: the hub in place of a
// direct link, or the other way round.
func (n *Node) checkWays(c config.Node) error {
	if n.hub == nil {
		return nil
	}
	readers, err := topology.Readers(c)
	if err != nil {
		return err
	}
	for i, p := range c.Peers {
		direct := slices.ContainsFunc(readers, func(r leaf.Importer) bool { return r.Name == p.Name })
		if hub := n.lines.byHub(asReader, p.Name); hub && direct != (n.lines.reader(p.Name) != nil) {
			return otherWay(i, "may_import")
		}
		hub, dialed := n.lines.byHub(asExporter, p.Name), n.lines.exporter(p.Name) != nil
		if n.importsFrom(c, p) && (hub && !c.ByHub(p) || dialed && c.ByHub(p)) {
			return otherWay(i, "url")
		}
	}
	return nil
}

func otherWay(peer int, field string) error {
	return &config.FieldError{Field: fmt.Sprintf("peers[%d].%s", peer, field), Problem: "the peer had a direct link and is to be reached by the hub, or the other way round",
		Remedy: "start the node again with it"}
}
