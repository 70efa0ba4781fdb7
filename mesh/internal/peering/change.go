package peering

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/internal/undo"
)

// Set replaces the peers by those of a configuration, which are checked; former is the one before.
// After an error they are as before, as they are by undo: with the keys that they had then,
// whatever their files hold now.
func (p *Peers) Set(former, c config.Node) (back func() error, err error) {
	if err := p.OtherWays(c).Restarts(); err != nil {
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
	formerRemotes, formerImporters := p.Server.Peers()
	back = func() error { return p.put(former, formerImporters, formerRemotes) }
	if err := p.put(c, importers, remotes); err != nil {
		return nil, errors.Join(err, undo.Failed("peers", back()))
	}
	return back, nil
}

func (p *Peers) put(c config.Node, importers []leaf.Importer, remotes []leaf.Remote) error {
	former := p.List()
	p.present.Store(&c.Peers) // whoever says hello from now on is judged by them
	p.Named(namesOf(c.Peers))
	err := p.link(importers, remotes)
	if err == nil {
		err = p.addReaders(c)
	}
	if err == nil {
		err = p.addExporters(c)
	}
	if err == nil {
		p.takeBack(c, former)
	}
	return err
}

// link lets the embedded server have links to importers and remotes. It keeps what lines to others
// need, that have no way in and are not dialed any more, until what they said is settled. An
// account whose line is closed goes with the next change: one more now would be a reload for
// nothing else.
func (p *Peers) link(importers []leaf.Importer, remotes []leaf.Remote) error {
	for _, line := range p.lines.readers() {
		if !slices.ContainsFunc(importers, func(i leaf.Importer) bool { return i.Name == line.Peer() }) {
			importers = append(importers, leaf.Importer{Name: line.Peer(), Shut: true})
		}
	}
	for _, line := range p.lines.exporters() {
		if !slices.ContainsFunc(remotes, func(r leaf.Remote) bool { return r.Name == line.Peer() }) {
			remotes = append(remotes, leaf.Remote{Name: line.Peer(), Shut: true})
		}
	}
	return p.Server.Link(remotes, importers)
}

func namesOf(peers []config.Peer) (names []string) {
	for _, p := range peers {
		names = append(names, p.Name)
	}
	return names
}

// takeBack ends what peers may no longer that they might before. Their links are closed.
func (p *Peers) takeBack(c config.Node, former []config.Peer) {
	for _, before := range former {
		now := named(c.Peers, before.Name)
		switch {
		case now == nil || len(now.MayImport) == 0:
			if p.hub != nil {
				p.Readers.Dismiss(before.Name, time.Now()) // the link to the hub stays
			}
			p.settle(before.Name)
			p.Readers.Remove(before.Name)
			p.lines.removeReader(before.Name)
			p.lines.removeByHub(asReader, before.Name)
		case lost(p.Exports(), before.MayImport, now.MayImport):
			p.Readers.Dismiss(before.Name, time.Now()) // before it can come back: it says hello anew
			p.Server.CutImporter(before.Name)
		}
		if now == nil || !importsFrom(c, *now) {
			p.Inlets.Remove(before.Name)
		}
	}
}

// settle hears what a reader said until its link was closed, so that it is not taken for lost.
func (p *Peers) settle(reader string) {
	line := p.lines.reader(reader)
	if line == nil {
		return
	}
	if err := line.Settle(p.Intake); err != nil {
		p.Log.Warn("what a peer said before it was removed may not have been heard", "peer", reader, "error", err)
	}
}

// lost reports whether an export may be imported no longer.
func lost(exports []config.Export, before, now config.MayImport) bool {
	return slices.ContainsFunc(exports, func(e config.Export) bool { return before.Includes(e.Event) && !now.Includes(e.Event) })
}

// importsFrom reports whether events of a peer come in, by whichever way.
func importsFrom(c config.Node, peer config.Peer) bool {
	return (peer.URL != "" || c.ByHub(peer)) && topology.ImportsFrom(c, peer)
}

// OtherWays are the peers that a configuration reaches by another way than before: the hub in place
// of a direct link, or the other way round. That needs a restart.
func (p *Peers) OtherWays(c config.Node) (changes config.Changes) {
	if p.hub == nil {
		return nil
	}
	const direct, byHub = "a direct link", "the hub alone"
	for i, peer := range c.Peers {
		add := func(field string, old, new string) {
			changes = append(changes, config.RestartFor(fmt.Sprintf("peers[%s].%s", peer.Name, field), fmt.Sprintf("peers[%d].%s", i, field), old, new))
		}
		hub, linked := p.lines.byHub(asReader, peer.Name), p.lines.reader(peer.Name) != nil
		switch reads := topology.ReadsDirectly(c, peer); {
		case hub && reads && !linked:
			add("may_import", byHub, direct)
		case hub && !reads && linked && len(peer.MayImport) > 0:
			add("may_import", direct, byHub)
		}
		hub, linked = p.lines.byHub(asExporter, peer.Name), p.lines.exporter(peer.Name) != nil
		switch {
		case !importsFrom(c, peer):
		case hub && !c.ByHub(peer):
			add("url", byHub, direct)
		case linked && c.ByHub(peer):
			add("url", direct, byHub)
		}
	}
	return changes
}

// Dial dials the peers of a configuration whose URL is config.LaterURL, at the URLs given by their
// names.
func (p *Peers) Dial(c config.Node, urls map[string]string) error {
	c.Peers = topology.At(p.List(), urls)
	_, importers := p.Server.Peers()
	remotes, err := topology.Remotes(c)
	if err == nil && len(remotes) > 0 {
		err = p.link(importers, remotes)
	}
	if err == nil {
		p.present.Store(&c.Peers)
	}
	return err
}
