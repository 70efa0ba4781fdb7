package peering

import (
	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
)

// addExporters lets events come in from those that export, by a direct link or the hub.
func (p *Peers) addExporters(c config.Node) error {
	remotes, _ := p.Server.Peers()
	for _, r := range remotes {
		if r.Shut {
			continue
		}
		if err := p.Inlets.Add(r.Name, func() (inlet.Exporter, error) { return p.toExporter(r.Name) }); err != nil {
			return err
		}
	}
	for _, name := range topology.ExportersByHub(c) {
		if err := p.Inlets.Add(name, func() (inlet.Exporter, error) { return p.toExporterByHub(name) }); err != nil {
			return err
		}
	}
	if err := p.hub.Flush(p.Intake); err != nil {
		return err
	}
	return flush(p.lines.exporters())
}

// toExporter opens the way to an exporter with a direct link.
func (p *Peers) toExporter(name string) (inlet.Exporter, error) {
	line, err := p.Server.ToExporter(name)
	if err != nil {
		return nil, err
	}
	p.lines.addExporter(line)
	if _, err := p.hearExporter(line, name); err != nil {
		p.lines.removeExporter(name)
		return nil, err
	}
	return exporter{line, p}, nil
}

// toExporterByHub opens the way to an exporter that is reached by the hub.
func (p *Peers) toExporterByHub(name string) (inlet.Exporter, error) {
	heard, err := p.hearExporter(p.hub, name)
	if err != nil {
		return nil, err
	}
	p.lines.addByHub(asExporter, name, heard)
	return hubExporter{p.hub, name, p}, nil
}

// maxSaid bounds what waits of what an exporter says, in bytes.
const maxSaid = 64 << 20

// hearExporter lets an exporter speak.
func (p *Peers) hearExporter(line *leaf.Line, name string) (*nats.Subscription, error) {
	heard, err := line.Subscribe(leaf.ToReader(p.Node, name), func(m *nats.Msg) { p.Inlets.Hear(name, m.Data) })
	if err == nil {
		err = heard.SetPendingLimits(-1, maxSaid) // the credits of imports bound it, of an exporter that keeps to them
	}
	return heard, err
}

// exporter is the way by a direct link to a node whose events come in: see inlet.Exporter.
type exporter struct {
	*leaf.Line
	peers *Peers
}

// Subscribe lets f hear events of a type.
func (e exporter) Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	return e.Line.Subscribe(leaf.EventsTo(e.peers.Node, e.Peer(), subject), f)
}

// Say says something to the exporter.
func (e exporter) Say(message []byte) error {
	return e.Publish(leaf.FromReader(e.peers.Node, e.Peer()), message)
}

// Link tells whether the exporter hears this node.
func (e exporter) Link() (number uint64, up bool) {
	if !e.Hears(leaf.FromReader(e.peers.Node, e.Peer())) {
		return 0, false
	}
	return e.Line.Link()
}

// ByHub is false: the link leads to the exporter.
func (exporter) ByHub() bool { return false }

// Close closes the line.
func (e exporter) Close() { e.peers.lines.removeExporter(e.Peer()) }

// Redial dials the exporter at once.
func (e exporter) Redial() error { return e.peers.Server.Redial(e.Peer()) }

// Trouble is why the link is not up.
func (e exporter) Trouble() string { return e.peers.Server.Trouble(e.Peer()) }
