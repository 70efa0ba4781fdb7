package topology

import (
	"fmt"
	"log/slog"
	"slices"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
)

// Spec says what the embedded server of a node is to be. Without link it dials nobody yet.
func Spec(c config.Node, logger *slog.Logger, link bool) (leaf.Spec, error) {
	spec := leaf.Spec{Name: c.Name, Listen: c.Listen, MaxPayload: int(c.MaxPayload), Logger: logger, Outbox: outboxSpec(c)}
	var err error
	if !c.Seed.IsZero() {
		if spec.Seed, err = c.Seed.Resolve(); err != nil {
			return spec, fmt.Errorf("seed of node %s: %w", c.Name, err)
		}
	}
	if spec.Importers, err = Readers(c); err != nil {
		return spec, err
	}
	for _, e := range c.Exports {
		spec.Exports = append(spec.Exports, wire(e.Event))
	}
	if link {
		spec.Remotes = Remotes(c)
	}
	if c.Tap != nil {
		password, err := c.Tap.Password.Resolve()
		if err != nil {
			return spec, fmt.Errorf("tap password of node %s: %w", c.Name, err)
		}
		spec.Tap = &leaf.Tap{Listen: c.Tap.Listen, User: c.Tap.User, Password: password}
	}
	return spec, nil
}

// Readers are the peers that may link to the node and read its exports.
func Readers(c config.Node) (readers []leaf.Importer, err error) {
	for _, p := range c.Peers {
		key, err := p.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("key of peer %s: %w", p.Name, err)
		}
		if key != "" {
			readers = append(readers, leaf.Importer{Name: p.Name, PublicKey: key})
		}
	}
	return readers, nil
}

// Remotes are the peers that the node dials: those of a service whose events it imports. From each
// it takes that service's events and no other's.
func Remotes(c config.Node) (remotes []leaf.Remote) {
	for _, p := range c.Peers {
		if p.URL == "" {
			continue
		}
		needed, deny := false, []string{}
		for _, i := range c.Imports {
			if owner := config.OwnerOf(i.Event); owner == config.ServiceOf(p.Name) {
				needed = true
			} else {
				deny = append(deny, wire(i.Event))
			}
		}
		if needed {
			remotes = append(remotes, leaf.Remote{Name: p.Name, URL: p.URL, Deny: deny})
		}
	}
	return remotes
}

// Wanted lists, for each peer that the node is to be linked to, the wire subjects that it hears of
// it; none for a peer that it only takes events from the outbox of.
func Wanted(c config.Node) map[string][]string {
	wanted := map[string][]string{}
	for _, r := range Remotes(c) {
		wanted[r.Name] = nil
		for _, i := range c.Imports {
			if !i.Durable && config.OwnerOf(i.Event) == config.ServiceOf(r.Name) {
				wanted[r.Name] = append(wanted[r.Name], wire(i.Event))
			}
		}
	}
	return wanted
}

// wire is what all events of a type have as their subject on a link.
func wire(event string) string { return event + ".*" }

// Dial makes the server dial the peers whose URL is config.LaterURL, at the URLs given by their
// names.
func Dial(c config.Node, server *leaf.Server, urls map[string]string) error {
	c.Peers = slices.Clone(c.Peers)
	for i := range c.Peers {
		if p := &c.Peers[i]; p.URL == config.LaterURL {
			p.URL = urls[p.Name]
		}
	}
	remotes := Remotes(c)
	if len(remotes) == 0 {
		return nil
	}
	readers, err := Readers(c)
	if err != nil {
		return err
	}
	return server.Link(remotes, readers)
}
