package mesh

import (
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
	changing sync.Mutex                    // held while they change
	present  atomic.Pointer[[]config.Peer] // replaced as a whole
}

// list gives the peers as they are now. They are not changed.
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

// Peers lists the node's peers as they are now.
func (n *Node) Peers() []config.Peer { return slices.Clone(n.peers.list()) }

// SetPeers replaces the keys, URLs and rights of the peers of the running node: change what
// [Node.Peers] returned, or read the node's file again.
//
// A peer that is left out, that may import less than before, or whose link was made with a key that it no
// longer has, loses that link before SetPeers returns: nothing more is delivered over it. One that may still
// link then does so anew. All other links stay. So a peer changes its key without an outage: give it a
// NextKey at all its peers, then it changes by [Node.SetSeed] or at a start, then give the next
// key as its only one.
//
// A peer that did not import before, or from which nothing was imported, takes a new start of the
// node. The error says so; others are those of Open, with fields of "peers". After an error nothing has
// changed.
func (n *Node) SetPeers(list []config.Peer) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
	c, former := n.config, n.peers.list()
	c.Peers = slices.Clone(list)
	if err := c.CheckPeers(); err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	importers, remotes, err := n.links(c)
	if err == nil {
		err = n.checkByHub(c)
	}
	if err != nil {
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	n.peers.present.Store(&c.Peers) // whoever says hello from now on is judged by them
	if err := n.leaf.Link(remotes, importers); err != nil {
		n.peers.present.Store(&former)
		return fmt.Errorf("mesh: peers of node %s: %w", n.name, err)
	}
	for _, p := range former {
		now := peerNamed(c.Peers, p.Name)
		if now != nil && n.lost(p.MayImport, now.MayImport) {
			n.leaf.CutImporter(p.Name) // it says hello anew
		}
		if n.hub != nil && (now == nil || n.lost(p.MayImport, now.MayImport)) {
			n.readers.Dismiss(p.Name, time.Now()) // the link to the hub stays
		}
	}
	return nil
}

// lost reports whether an export may be imported no longer.
func (n *Node) lost(before, now config.MayImport) bool {
	return slices.ContainsFunc(n.config.Exports, func(e config.Export) bool { return before.Includes(e.Event) && !now.Includes(e.Event) })
}

// links are what the embedded server is to have for the peers of c: all that it had at the start, as
// the lines to them stay, of which some have no way in or are not dialed.
func (n *Node) links(c config.Node) (importers []leaf.Importer, remotes []leaf.Remote, err error) {
	readers, err := topology.Readers(c)
	if err != nil {
		return nil, nil, err
	}
	exporters, err := topology.Remotes(c)
	if err != nil {
		return nil, nil, err
	}
	for _, line := range n.lines.readers() {
		importer := leaf.Importer{Name: line.Peer(), Shut: true}
		if at := slices.IndexFunc(readers, func(r leaf.Importer) bool { return r.Name == importer.Name }); at >= 0 {
			importer = readers[at]
			readers = slices.Delete(readers, at, at+1)
		}
		importers = append(importers, importer)
	}
	for _, line := range n.lines.exporters() {
		remote := leaf.Remote{Name: line.Peer()}
		if at := slices.IndexFunc(exporters, func(r leaf.Remote) bool { return r.Name == remote.Name }); at >= 0 {
			remote = exporters[at]
			exporters = slices.Delete(exporters, at, at+1)
		}
		remotes = append(remotes, remote)
	}
	switch {
	case len(readers) > 0:
		err = newPeer(c, readers[0].Name, "may_import", "the peer could not import when the node started")
	case len(exporters) > 0:
		err = newPeer(c, exporters[0].Name, "url", "the peer was not dialed when the node started")
	}
	return importers, remotes, err
}

func newPeer(c config.Node, name, field, problem string) error {
	at := slices.IndexFunc(c.Peers, func(p config.Peer) bool { return p.Name == name })
	return &config.FieldError{Field: fmt.Sprintf("peers[%d].%s", at, field), Problem: problem, Remedy: "start the node again with it"}
}

// SetSeed gives the running node another seed. Links stay as they are; those that are made later prove
// the new one, so all peers must have its public key before, as NextKey: see [Node.SetPeers].
func (n *Node) SetSeed(seed config.Secret) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
	value, err := seed.Resolve()
	if err == nil {
		err = n.leaf.SetSeed(value)
	}
	if err != nil {
		return fmt.Errorf("mesh: seed of node %s: %w", n.name, err)
	}
	return nil
}

// Dial dials the peers whose URL is config.LaterURL, at the URLs given by their names. It is for
// nodes that were opened with OneProcess, before the ports of their peers were known.
func (n *Node) Dial(urls map[string]string) error {
	n.peers.changing.Lock()
	defer n.peers.changing.Unlock()
	c := n.config
	c.Peers = topology.At(n.peers.list(), urls)
	importers, remotes, err := n.links(c)
	if err == nil && len(remotes) > 0 {
		err = n.leaf.Link(remotes, importers)
	}
	if err != nil {
		return fmt.Errorf("mesh: link node %s: %w", n.name, err)
	}
	n.peers.present.Store(&c.Peers)
	return nil
}
