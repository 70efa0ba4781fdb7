package topology

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
)

// Spec says what the embedded server of a node is to be. Without link it dials nobody yet.
func Spec(c config.Node, logger *slog.Logger, link bool) (leaf.Spec, error) {
	spec := leaf.Spec{Name: c.Name, Listen: c.Listen, MaxPayload: int(c.MaxPayload), Logger: logger, Outbox: outboxSpec(c), Plain: c.Links.Plain, Ping: c.Links.Ping}
	if c.Links.CA != "" {
		spec.Certificates = &leaf.Certificates{CA: string(c.Links.CA), Certificate: string(c.Links.Certificate), Key: string(c.Links.Key)}
	}
	var err error
	if seed := ProofOf(c); !seed.IsZero() {
		if spec.Seed, err = seed.Resolve(); err != nil {
			return spec, fmt.Errorf("seed of node %s: %w", c.Name, err)
		}
	}
	if spec.Importers, err = Readers(c); err != nil {
		return spec, err
	}
	if spec.Remotes, err = Remotes(c); err != nil {
		return spec, err
	}
	for i := range spec.Remotes {
		if !link {
			spec.Remotes[i].URL = ""
		}
	}
	if c.Hub != nil {
		if spec.Hub, err = hubOf(*c.Hub); err != nil {
			return spec, fmt.Errorf("hub seed of node %s: %w", c.Name, err)
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

// hubOf says how a hub is dialed.
func hubOf(h config.Hub) (hub *leaf.Hub, err error) {
	hub = &leaf.Hub{URLs: h.URLs, CA: string(h.CA), Credentials: string(h.Credentials)}
	if hub.Credentials != "" {
		hub.Check = func() error { return config.InField("hub", h.CheckCredentials(time.Now())) }
		return hub, nil
	}
	hub.Seed, err = h.Seed.Resolve()
	return hub, err
}

// ProofOf is the seed that the node's links use. The one that proves who the node is by TLS never
// signs what an exporter on a plain link says.
func ProofOf(c config.Node) config.Secret {
	if c.Links.Plain {
		return c.Links.PlainSeed
	}
	return c.Seed
}

// ReadsDirectly reports whether a peer may link to the node and read exports of it. Else it comes
// by the hub alone, or reads nothing.
func ReadsDirectly(c config.Node, p config.Peer) bool {
	return len(p.MayImport) > 0 && (c.Hub == nil || c.Listen != "" && (p.Key != "" || p.KeyFile != "" || c.Links.CA != ""))
}

// Readers are the peers that may link to the node and read exports of it.
func Readers(c config.Node) (readers []leaf.Importer, err error) {
	for _, p := range c.Peers {
		if !ReadsDirectly(c, p) {
			continue
		}
		keys, err := p.PublicKeys()
		if err != nil {
			return nil, fmt.Errorf("key of peer %s: %w", p.Name, err)
		}
		readers = append(readers, leaf.Importer{Name: p.Name, Keys: keys})
	}
	return readers, nil
}

// ReadersByHub names the peers that may read exports of the node by its hub: all that may read
// them.
func ReadersByHub(c config.Node) (names []string) {
	for _, p := range c.Peers {
		if c.Hub != nil && len(p.MayImport) > 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// ExportersByHub names the peers that the node imports from by its hub.
func ExportersByHub(c config.Node) (names []string) {
	for _, p := range c.Peers {
		if c.ByHub(p) && ImportsFrom(c, p) {
			names = append(names, p.Name)
		}
	}
	return names
}

// ImportsFrom reports whether the node imports an event of the peer's service.
func ImportsFrom(c config.Node, p config.Peer) bool {
	return slices.ContainsFunc(c.Imports, func(i config.Import) bool { return config.OwnerOf(i.Event) == config.ServiceOf(p.Name) })
}

// Remotes are the peers that the node dials: those of a service whose events it imports.
func Remotes(c config.Node) (remotes []leaf.Remote, err error) {
	for _, p := range c.Peers {
		if p.URL == "" || !ImportsFrom(c, p) {
			continue
		}
		keys, err := p.PublicKeys()
		if err != nil {
			return nil, fmt.Errorf("key of peer %s: %w", p.Name, err)
		}
		remotes = append(remotes, leaf.Remote{Name: p.Name, URL: p.URL, Keys: keys})
	}
	return remotes, nil
}

// At gives the peers with the URLs, by their names, of those whose URL is config.LaterURL.
func At(peers []config.Peer, urls map[string]string) []config.Peer {
	peers = slices.Clone(peers)
	for i := range peers {
		if p := &peers[i]; p.URL == config.LaterURL {
			p.URL = urls[p.Name]
		}
	}
	return peers
}
