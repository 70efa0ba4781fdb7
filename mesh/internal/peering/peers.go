package peering

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/readers"
)

// Env is what peers need of their node.
type Env struct {
	Node   string
	Server *leaf.Server
	Log    *journal.Log
	// Intake ends when the node takes no more events.
	Intake context.Context
	// Closing reports whether the node ends: then its links do too, which is no news.
	Closing func() bool
	// Exports are those in force.
	Exports func() []config.Export
	// Named is told the names of the peers before there is a way to new ones.
	Named func(names []string)
}

// Peers are those of a node. The lines to them are opened by [Peers.OpenReaders] and
// [Peers.OpenInlets]. One goroutine at a time opens, sets or dials; all else is safe for concurrent
// use.
type Peers struct {
	Env
	Readers *readers.Readers // nil before OpenReaders
	Inlets  *inlet.Set       // nil before OpenInlets

	present atomic.Pointer[[]config.Peer] // replaced as a whole
	hub     *leaf.Line                    // nil: there is none
	lines   lines

	mu    sync.Mutex
	links health.Links // guarded by mu
}

// New makes peers to which there is no line yet.
func New(env Env, list []config.Peer) *Peers {
	p := &Peers{Env: env}
	p.present.Store(&list)
	return p
}

// OpenReaders lets those speak that may read the exports of a configuration, and opens the line to
// the hub, over which peers without a direct link speak.
func (p *Peers) OpenReaders(r *readers.Readers, c config.Node) (err error) {
	p.Readers = r
	if c.Hub != nil {
		if p.hub, err = p.Server.ToHub(); err != nil {
			return err
		}
	}
	return p.addReaders(c)
}

// OpenInlets lets in what a configuration imports, and hears what exporters say.
func (p *Peers) OpenInlets(s *inlet.Set, c config.Node) error {
	p.Inlets = s
	if err := p.addExporters(c); err != nil {
		return err
	}
	s.Start()
	return nil
}

// List returns the peers as they are now. They are not changed.
func (p *Peers) List() []config.Peer { return *p.present.Load() }

// MayImport reports whether a reader may import a type.
func (p *Peers) MayImport(reader, subject string) bool {
	peer := named(p.List(), reader)
	return peer != nil && peer.MayImport.Includes(subject)
}

// named finds a peer by its name; nil: there is none.
func named(list []config.Peer, name string) *config.Peer {
	at := slices.IndexFunc(list, func(p config.Peer) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &list[at]
}

// Lines are all that are open, the one to the hub last.
func (p *Peers) Lines() []*leaf.Line {
	all := slices.Concat(p.lines.readers(), p.lines.exporters())
	if p.hub != nil {
		all = append(all, p.hub)
	}
	return all
}

// flush waits until the server knows what was subscribed to.
func flush(lines []*leaf.Line) error {
	for _, l := range lines {
		if err := l.Flush(context.Background()); err != nil {
			return err
		}
	}
	return nil
}
