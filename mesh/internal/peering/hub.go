package peering

import (
	"errors"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/leaf"
)

// hubReader is the way to a reader that has a direct link, or comes by the hub, or both: then a
// message goes by the direct link alone.
type hubReader struct {
	hub, direct *leaf.Line // direct may be nil
	name        string
	said        string // the subject of what is said to the reader
}

// Peer is the reader's name.
func (r hubReader) Peer() string { return r.name }

// Hears reports whether the reader listens to the subject, by either way.
func (r hubReader) Hears(subject string) bool {
	return r.direct != nil && r.direct.Hears(subject) || r.hub.Hears(subject)
}

// Publish sends a message.
func (r hubReader) Publish(subject string, message []byte) error {
	if r.direct != nil && r.direct.Hears(subject) {
		return r.direct.Publish(subject, message)
	}
	return r.hub.Publish(subject, message)
}

// HasRoom tells what is known of a direct link. What a hub has it passes on, or drops.
func (r hubReader) HasRoom(bytes int64) bool { return r.direct == nil || r.direct.HasRoom(bytes) }

// AfterHeard waits for what came by the direct link. What a reader says by the hub is heard at its
// own time.
func (r hubReader) AfterHeard(f func()) error {
	if r.direct != nil {
		return r.direct.AfterHeard(f)
	}
	f()
	return nil
}

// Link tells whether the reader is there. That the hub is says nothing of the reader.
func (r hubReader) Link() (number uint64, up bool) {
	if r.direct != nil {
		if number, up = r.direct.Link(); up {
			return number, true
		}
	}
	if !r.hub.Hears(r.said) {
		return 0, false
	}
	return r.hub.Link()
}

// hubExporter is the way by the hub to a node whose events come in: see inlet.Exporter.
type hubExporter struct {
	hub   *leaf.Line
	name  string
	peers *Peers
}

// Subscribe lets f hear events of a type.
func (e hubExporter) Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error) {
	return e.hub.Subscribe(leaf.EventsTo(e.peers.Node, e.name, subject), f)
}

// Say says something to the exporter.
func (e hubExporter) Say(message []byte) error {
	return e.hub.Publish(leaf.FromReader(e.peers.Node, e.name), message)
}

// Link tells whether the exporter hears this node.
func (e hubExporter) Link() (number uint64, up bool) {
	if !e.hub.Hears(leaf.FromReader(e.peers.Node, e.name)) {
		return 0, false
	}
	return e.hub.Link()
}

// errByHub: the node dials the hub and not the exporter.
var errByHub = errors.New("the exporter is reached by the hub")

// Redial dials nobody: it is for the exporter to come back to the hub.
func (e hubExporter) Redial() error { return errByHub }

// ByHub is true.
func (hubExporter) ByHub() bool { return true }

// Close ends the way; the line to the hub stays.
func (e hubExporter) Close() { e.peers.lines.removeByHub(asExporter, e.name) }

// Trouble is why the exporter is not reached.
func (e hubExporter) Trouble() string {
	if _, up := e.hub.Link(); up {
		return "this node is linked to the hub, and the exporter does not listen there: it is not running, or not linked to the hub, or the hub does not let the two speak"
	}
	if trouble := e.peers.Server.HubTrouble(); trouble != "" {
		return "no link to the hub: " + trouble
	}
	return "no link to the hub"
}
