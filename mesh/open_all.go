package mesh

import (
	"context"
	"errors"
	"fmt"
	"leafmesh/mesh/config"

	"github.com/nats-io/nkeys"
)

// Nodes are nodes that run in one process.
type Nodes []*Node

// OpenAll starts several nodes in one process and links them: for development,
// tests and single-machine use. The nodes are the same as those of separate
// processes, with real servers and real links on loopback; only the parts of
// the configuration that say where and with which key (Listen, Seed, Peers)
// are replaced by free ports and by keys made up for this process. On an error
// nothing is left running.
func OpenAll(ctx context.Context, configs ...Config) (_ Nodes, err error) {
	configs, err = introduce(configs)
	if err != nil {
		return nil, err
	}
	var nodes Nodes
	defer func() {
		if err != nil {
			for _, n := range nodes {
				n.abort()
			}
		}
	}()
	for _, c := range configs {
		n, err := start(ctx, c, false)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if err := n.linkTo(nodes); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// introduce gives each node a key, a port and the others as peers, as far as
// their exports and imports need it.
func introduce(configs []Config) ([]Config, error) {
	seeds, keys := make([]string, len(configs)), make([]string, len(configs))
	for i := range configs {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, fmt.Errorf("mesh: make a key: %w", err)
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, fmt.Errorf("mesh: make a key: %w", err)
		}
		if keys[i], err = pair.PublicKey(); err != nil {
			return nil, fmt.Errorf("mesh: make a key: %w", err)
		}
		seeds[i] = string(seed)
	}
	names := map[string]bool{}
	for _, c := range configs {
		if names[c.Name] {
			return nil, fmt.Errorf("mesh: two nodes are named %q: give each a name of its own", c.Name)
		}
		names[c.Name] = true
	}
	introduced := make([]Config, len(configs))
	for i, c := range configs {
		c.OneProcess = true
		c.Listen, c.Seed, c.Peers = "", NewSecret(seeds[i]), nil
		for j, other := range configs {
			if i == j {
				continue
			}
			peer := Peer{Name: other.Name}
			if importsFrom(c, other) {
				peer.URL = config.LaterURL
			}
			if importsFrom(other, c) {
				peer.Key = keys[j]
				c.Listen = "127.0.0.1:0"
			}
			if peer.URL != "" || peer.Key != "" {
				c.Peers = append(c.Peers, peer)
			}
		}
		introduced[i] = c
	}
	return introduced, nil
}

// importsFrom reports whether c imports an event of other's service.
func importsFrom(c, other Config) bool {
	for _, i := range c.Imports {
		if config.OwnerOf(i.Event) == config.ServiceOf(other.Name) {
			return true
		}
	}
	return false
}

// linkTo dials the peers, whose ports are known by now.
func (n *Node) linkTo(nodes Nodes) error {
	for i := range n.config.Peers {
		peer := &n.config.Peers[i]
		for _, other := range nodes {
			if peer.URL != "" && other.name == peer.Name {
				peer.URL = "nats-leaf://" + other.ListenAddr()
			}
		}
	}
	importers, err := n.importers()
	if err != nil {
		return err
	}
	remotes := n.remotes()
	if len(remotes) == 0 {
		return nil
	}
	if err := n.leaf.Link(remotes, importers); err != nil {
		return fmt.Errorf("mesh: link node %s: %w", n.name, err)
	}
	return nil
}

// Ready waits until each node is ready; see [Node.Ready].
func (nodes Nodes) Ready(ctx context.Context) error {
	for _, n := range nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Node gives the node of a name, or nil.
func (nodes Nodes) Node(name string) *Node {
	for _, n := range nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// Close closes all nodes; see [Node.Close]. First no node takes root events
// any more; then the nodes close one after the other, so that what one still
// exports finds the next one open.
func (nodes Nodes) Close(ctx context.Context) error {
	for _, n := range nodes {
		n.closing.Store(true)
	}
	var errs []error
	for _, n := range nodes {
		errs = append(errs, n.Close(ctx))
	}
	return errors.Join(errs...)
}
