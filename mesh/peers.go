package mesh

import (
	"fmt"
	"slices"

	"leafmesh/mesh/config"
)

// inForce is the configuration in force.
func (n *Node) inForce() config.Node {
	c := *n.present.Load()
	c.Peers = n.peers.List()
	return c
}

// Peers lists the node's peers as they are now.
func (n *Node) Peers() []config.Peer { return slices.Clone(n.peers.List()) }

// SetPeers replaces the peers of the running node, their keys, URLs and rights: change what
// [Node.Peers] returned, or read the node's file again.
//
// A peer that is left out, that may import less than before, or whose link was made with a key that
// it no longer has, loses that link before SetPeers returns: nothing more is delivered over it. One
// that may still link then does so anew, and may get by that link what was emitted before and not
// sent yet. All other links stay. So a peer changes its key without an outage: give it a NextKey at
// all its peers, then it changes by [Node.SetSeed] or at a start, then give the next key as its
// only one. A peer that is new is linked to as at a start.
//
// What a peer that is left out has said, and nobody has read yet, goes with its link: other
// instances may handle again what it answered for last. Leave out one that was closed when its link
// is down.
//
// The errors are those of Open, with fields of "peers", and config.ErrNeedsRestart for a peer that
// had a direct link and is to be reached by the hub, or the other way round. After an error nothing
// has changed, but for config.ErrNotUndone.
func (n *Node) SetPeers(list []config.Peer) error {
	n.configuring.Lock()
	defer n.configuring.Unlock()
	c := n.inForce()
	c.Peers = slices.Clone(list)
	if err := c.CheckPeers(); err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	contents, err := config.Node{Peers: c.Peers}.Contents()
	if err == nil {
		_, err = n.peers.Set(n.inForce(), c)
	}
	if err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	n.contents = n.contents.With(contents, "peers")
	return nil
}

// SetSeed gives the running node another seed. Links stay as they are; those that are made later
// prove the new one, so all peers must have its public key before, as NextKey: see [Node.SetPeers].
// On plain links it is Links.PlainSeed.
func (n *Node) SetSeed(seed config.Secret) error {
	n.configuring.Lock()
	defer n.configuring.Unlock()
	c, only, field := n.inForce(), config.Node{}, "seed"
	if c.Links.Plain {
		c.Links.PlainSeed, only.Links.PlainSeed, field = seed, seed, "links.plain_seed"
	} else {
		c.Seed, only.Seed = seed, seed
	}
	contents, err := only.Contents()
	if err == nil {
		_, err = n.putSeed(seed)
	}
	if err != nil {
		return fmt.Errorf("mesh: seed of node %s: %w", n.name, err)
	}
	n.present.Store(&c)
	n.contents = n.contents.With(contents, field)
	return nil
}

// putSeed gives the server another seed.
func (n *Node) putSeed(seed config.Secret) (undo func() error, err error) {
	before := n.leaf.Seed()
	value, err := seed.Resolve()
	if err == nil {
		err = n.leaf.SetSeed(value)
	}
	return func() error { return n.leaf.SetSeed(before) }, err
}

// Dial dials the peers whose URL is config.LaterURL, at the URLs given by their names. It is for
// nodes that were opened with OneProcess, before the ports of their peers were known.
func (n *Node) Dial(urls map[string]string) error {
	n.configuring.Lock()
	defer n.configuring.Unlock()
	if err := n.peers.Dial(n.inForce(), urls); err != nil {
		return fmt.Errorf("mesh: link node %s: %w", n.name, err)
	}
	return nil
}
