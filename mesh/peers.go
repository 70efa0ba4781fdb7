package mesh

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
)

// peers are the node's peers, whose keys and rights change while it runs.
type peers struct {
	changing sync.Mutex                    // held while they, or anything else that the node's file says, change
	present  atomic.Pointer[[]config.Peer] // replaced as a whole
}

// list returns the peers as they are now. They are not changed.
func (p *peers) list() []config.Peer { return *p.present.Load() }

// mayImport reports whether a reader may import a type.
func (p *peers) mayImport(reader, subject string) bool {
	peer := peerNamed(p.list(), reader)
	return peer != nil && peer.MayImport.Includes(subject)
}

func peerNamed(list []config.Peer, name string) *config.Peer {
	at := slices.IndexFunc(list, func(p config.Peer) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &list[at]
}

// inForce is the configuration in force.
func (n *Node) inForce() config.Node {
	c := *n.present.Load()
	c.Peers = n.peers.list()
	return c
}

// Peers lists the node's peers as they are now.
func (n *Node) Peers() []config.Peer { return slices.Clone(n.peers.list()) }

// SetPeers replaces the peers of the running node, their keys, URLs and rights: change what
// [Node.Peers] returned, or read the node's file again.
//
// A peer that is left out, that may import less than before, or whose link was made with a key that
// it no longer has, loses that link before SetPeers returns: nothing more is delivered over it. One
// that may still link then does so anew. All other links stay. So a peer changes its key without an
// outage: give it a NextKey at all its peers, then it changes by [Node.SetSeed] or at a start, then
// give the next key as its only one. A peer that is new is linked to as at a start.
//
// What a peer that is left out has said, and nobody has read yet, goes with its link: other
// instances may handle again what it answered for last. Leave out one that was closed when its link
// is down.
//
// The errors are those of Open, with fields of "peers", and config.ErrNeedsRestart for a peer that
// had a direct link and is to be reached by the hub, or the other way round. After an error nothing
// has changed, but for config.ErrNotUndone.
func (n *Node) SetPeers(list []config.Peer) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
	c := n.inForce()
	c.Peers = slices.Clone(list)
	if err := c.CheckPeers(); err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	contents, err := config.Node{Peers: c.Peers}.Contents()
	if err == nil {
		_, err = n.setPeersLocked(n.inForce(), c)
	}
	if err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	n.contents = n.contents.With(contents, "peers")
	return nil
}

// setPeersLocked gives the node the peers of a configuration, which are checked. After an error it
// has those of before, as it has by undo: with the keys that they had then, whatever their files
// hold now.
func (n *Node) setPeersLocked(former, c config.Node) (undo func() error, err error) {
	if err := n.otherWays(c).Restarts(); err != nil {
		return nil, err
	}
	importers, err := topology.Readers(c)
	if err != nil {
		return nil, err
	}
	remotes, err := topology.Remotes(c)
	if err != nil {
		return nil, err
	}
	formerRemotes, formerImporters := n.leaf.Peers()
	undo = func() error { return n.putPeersLocked(former, formerImporters, formerRemotes) }
	if err := n.putPeersLocked(c, importers, remotes); err != nil {
		return nil, errors.Join(err, notUndone("peers", undo()))
	}
	return undo, nil
}

func (n *Node) putPeersLocked(c config.Node, importers []leaf.Importer, remotes []leaf.Remote) error {
	former := n.peers.list()
	n.peers.present.Store(&c.Peers) // whoever says hello from now on is judged by them
	n.neighbours.SetPeers(namesOf(c.Peers))
	err := n.link(importers, remotes)
	if err == nil {
		err = n.addReaders(c)
	}
	if err == nil {
		err = n.addExporters(c)
	}
	if err == nil {
		n.takeBack(c, former)
	}
	return err
}

// link lets the embedded server have links to importers and remotes. It keeps what lines to others
// need, that have no way in and are not dialed any more, until what they said is settled. An
// account whose line is closed goes with the next change: one more now would be a reload for
// nothing else.
func (n *Node) link(importers []leaf.Importer, remotes []leaf.Remote) error {
	for _, line := range n.lines.readers() {
		if !slices.ContainsFunc(importers, func(i leaf.Importer) bool { return i.Name == line.Peer() }) {
			importers = append(importers, leaf.Importer{Name: line.Peer(), Shut: true})
		}
	}
	for _, line := range n.lines.exporters() {
		if !slices.ContainsFunc(remotes, func(r leaf.Remote) bool { return r.Name == line.Peer() }) {
			remotes = append(remotes, leaf.Remote{Name: line.Peer(), Shut: true})
		}
	}
	return n.leaf.Link(remotes, importers)
}

func namesOf(peers []config.Peer) (names []string) {
	for _, p := range peers {
		names = append(names, p.Name)
	}
	return names
}

// takeBack ends what peers may no longer that they might before. Their links are closed.
func (n *Node) takeBack(c config.Node, former []config.Peer) {
	for _, p := range former {
		now := peerNamed(c.Peers, p.Name)
		switch {
		case now == nil || len(now.MayImport) == 0:
			if n.hub != nil {
				n.readers.Dismiss(p.Name, time.Now()) // the link to the hub stays
			}
			n.settle(p.Name)
			n.readers.Remove(p.Name)
			n.lines.removeReader(p.Name)
			n.lines.removeByHub(asReader, p.Name)
		case n.lost(p.MayImport, now.MayImport):
			n.readers.Dismiss(p.Name, time.Now()) // before it can come back: it says hello anew
			n.leaf.CutImporter(p.Name)
		}
		if now == nil || !n.importsFrom(c, *now) {
			n.inlets.Remove(p.Name)
		}
	}
}

// settle hears what a reader said until its link was closed, so that it is not taken for lost.
func (n *Node) settle(reader string) {
	line := n.lines.reader(reader)
	if line == nil {
		return
	}
	if err := line.Settle(n.life.intake); err != nil {
		n.log.Warn("what a peer said before it was removed may not have been heard", "peer", reader, "error", err)
	}
}

// importsFrom reports whether events of a peer come in, by whichever way.
func (n *Node) importsFrom(c config.Node, p config.Peer) bool {
	return (p.URL != "" || c.ByHub(p)) && topology.ImportsFrom(c, p)
}

// lost reports whether an export may be imported no longer.
func (n *Node) lost(before, now config.MayImport) bool {
	return slices.ContainsFunc(n.present.Load().Exports, func(e config.Export) bool { return before.Includes(e.Event) && !now.Includes(e.Event) })
}

// SetSeed gives the running node another seed. Links stay as they are; those that are made later
// prove the new one, so all peers must have its public key before, as NextKey: see [Node.SetPeers].
// On plain links it is Links.PlainSeed.
func (n *Node) SetSeed(seed config.Secret) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
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

// Dial dials the peers whose URL is config.LaterURL, at the URLs given by their names. It is for
// nodes that were opened with OneProcess, before the ports of their peers were known.
func (n *Node) Dial(urls map[string]string) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
	c := n.inForce()
	c.Peers = topology.At(n.peers.list(), urls)
	_, importers := n.leaf.Peers()
	remotes, err := topology.Remotes(c)
	if err == nil && len(remotes) > 0 {
		err = n.link(importers, remotes)
	}
	if err != nil {
		return fmt.Errorf("mesh: link node %s: %w", n.name, err)
	}
	n.peers.present.Store(&c.Peers)
	return nil
}
