package peering

import (
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
)

// addReaders lets those speak that may read exports, by a direct link, the hub, or both.
func (p *Peers) addReaders(c config.Node) error {
	_, importers := p.Server.Peers() // whose keys were read: an undo must not need their files again
	for _, r := range importers {
		if r.Shut {
			continue
		}
		line, err := p.lineToReader(r.Name)
		if err != nil {
			return err
		}
		if p.hub == nil {
			p.Readers.Add(line)
		}
	}
	for _, name := range topology.ReadersByHub(c) {
		p.Readers.Add(hubReader{hub: p.hub, direct: p.lines.reader(name), name: name, said: leaf.ToReader(name, p.Node)})
		if p.lines.byHub(asReader, name) {
			continue
		}
		// Who speaks follows from the subject, which the hub lets nobody else publish on.
		heard, err := p.hub.HearFrom(name, func(m *nats.Msg) (cost int) { return p.Readers.Hear(name, m.Data) })
		if err != nil {
			return err
		}
		p.lines.addByHub(asReader, name, heard)
	}
	return flush(p.lines.readers())
}

// lineToReader finds or opens the line to a reader, which is heard on it.
func (p *Peers) lineToReader(name string) (line *leaf.Line, err error) {
	if line = p.lines.reader(name); line != nil {
		return line, nil
	}
	if line, err = p.Server.ToReader(name); err != nil {
		return nil, err
	}
	if err = line.Hear(func(m *nats.Msg) (cost int) { return p.Readers.Hear(name, m.Data) }); err != nil {
		line.Close()
		return nil, err
	}
	p.lines.addReader(line)
	return line, nil
}
