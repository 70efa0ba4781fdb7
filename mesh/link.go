package mesh

import (
	"fmt"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// leafSpec says what the embedded server is to be.
func (n *Node) leafSpec(link bool) (leaf.Spec, error) {
	c := n.config
	spec := leaf.Spec{Name: c.Name, Listen: c.Listen, MaxPayload: c.MaxPayload, Logger: n.log}
	var err error
	if !c.Seed.IsZero() {
		if spec.Seed, err = c.Seed.Resolve(); err != nil {
			return spec, fmt.Errorf("mesh: seed of node %s: %w", n.name, err)
		}
	}
	if spec.Importers, err = n.importers(); err != nil {
		return spec, err
	}
	for _, e := range c.Exports {
		spec.Exports = append(spec.Exports, e.Event+".*")
	}
	spec.Outbox = n.outboxSpec()
	if link {
		spec.Remotes = n.remotes()
	}
	if c.Tap != nil {
		password, err := c.Tap.Password.Resolve()
		if err != nil {
			return spec, fmt.Errorf("mesh: tap password of node %s: %w", n.name, err)
		}
		spec.Tap = &leaf.Tap{Listen: c.Tap.Listen, User: c.Tap.User, Password: password}
	}
	return spec, nil
}

// importers are the peers that may link to this node.
func (n *Node) importers() (importers []leaf.Importer, err error) {
	for _, p := range n.config.Peers {
		key, err := p.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("mesh: key of peer %s: %w", p.Name, err)
		}
		if key != "" {
			importers = append(importers, leaf.Importer{Name: p.Name, PublicKey: key, Consumers: consumersOf(n.config, config.ServiceOf(p.Name))})
		}
	}
	return importers, nil
}

// links lists the links with what crossed them. The beacons by which the two
// sides know that a link is ready are taken out of the message counts.
func (n *Node) links() []stats.Link {
	links := []stats.Link{} // a list in JSON, also without entries
	for _, l := range n.leaf.Links() {
		link := stats.Link{Peer: l.Peer, Direction: "imports", Connected: l.Connected,
			MessagesIn: l.MessagesIn, MessagesOut: l.MessagesOut, BytesIn: l.BytesIn, BytesOut: l.BytesOut}
		if l.Direction == leaf.Inbound {
			link.Direction = "exports"
			link.MessagesOut -= min(l.Beacons, link.MessagesOut)
		} else {
			link.MessagesIn -= min(l.Beacons, link.MessagesIn)
		}
		links = append(links, link)
	}
	return links
}
