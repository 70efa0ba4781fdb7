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
	spec.Remotes = Remotes(c)
	for i := range spec.Remotes {
		if !link {
			spec.Remotes[i].URL = ""
		}
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

// Remotes are the peers that the node dials: those of a service whose events it imports.
func Remotes(c config.Node) (remotes []leaf.Remote) {
	for _, p := range c.Peers {
		if p.URL != "" && slices.ContainsFunc(c.Imports, func(i config.Import) bool { return config.OwnerOf(i.Event) == config.ServiceOf(p.Name) }) {
			remotes = append(remotes, leaf.Remote{Name: p.Name, URL: p.URL})
		}
	}
	return remotes
}

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
