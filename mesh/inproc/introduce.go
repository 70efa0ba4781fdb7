package inproc

import (
	"fmt"
	"leafmesh/mesh/config"

	"github.com/nats-io/nkeys"
)

// introduce gives each node a key, a port and the others as peers, as far as their exports and
// imports need it.
func introduce(configs []config.Node) ([]config.Node, error) {
	seeds, keys := make([]string, len(configs)), make([]string, len(configs))
	for i := range configs {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, fmt.Errorf("inproc: make a key: %w", err)
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, fmt.Errorf("inproc: make a key: %w", err)
		}
		if keys[i], err = pair.PublicKey(); err != nil {
			return nil, fmt.Errorf("inproc: make a key: %w", err)
		}
		seeds[i] = string(seed)
	}
	names := map[string]bool{}
	for _, c := range configs {
		if names[c.Name] {
			return nil, fmt.Errorf("inproc: two nodes are named %q: give each a name of its own", c.Name)
		}
		names[c.Name] = true
	}
	introduced := make([]config.Node, len(configs))
	for i, c := range configs {
		c.OneProcess = true
		c.Listen, c.Seed, c.Peers, c.Links = "", config.NewSecret(seeds[i]), nil, config.Links{}
		for j, other := range configs {
			if i == j {
				continue
			}
			peer := config.Peer{Name: other.Name, Key: keys[j]}
			if importsFrom(c, other) {
				peer.URL = config.LaterURL
			}
			if importsFrom(other, c) {
				peer.MayImport = config.AllExports()
				c.Listen = "127.0.0.1:0"
			}
			if peer.URL != "" || len(peer.MayImport) > 0 {
				c.Peers = append(c.Peers, peer)
			}
		}
		introduced[i] = c
	}
	return introduced, nil
}

// importsFrom reports whether c imports an event of other's service.
func importsFrom(c, other config.Node) bool {
	for _, i := range c.Imports {
		if config.OwnerOf(i.Event) == config.ServiceOf(other.Name) {
			return true
		}
	}
	return false
}
