package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/hub"
	"leafmesh/mesh/inproc"
)

// figures are what was measured.
type figures struct {
	formed       time.Duration
	node, server float64 // bytes
	p50, p99     time.Duration
	back         time.Duration
}

// patience bounds each step.
const patience = 5 * time.Minute

// told is the one event that the nodes export.
type told struct {
	At int64 `cbor:"1,keyasint"`
}

// population is the nodes of one measurement.
type population struct {
	configs []mesh.Config
	events  []*mesh.Event[told]
	timed   *mesh.Event[told] // of the first node, to the second alone
	nodes   []*mesh.Node
	epoch   time.Time
	arrived chan time.Duration // how long the timed event took
}

// newPopulation makes so many nodes, each of a service of its own, that import from those before
// them.
func newPopulation(count, peers int, s *servers) (p *population, atHub []hub.Node, err error) {
	p = &population{epoch: time.Now(), arrived: make(chan time.Duration, 1), timed: mesh.NewEvent[told]("s0.thing.timed")}
	for i := range count {
		p.events = append(p.events, mesh.NewEvent[told](fmt.Sprintf("s%d.thing.told", i)))
	}
	for i := range count {
		pair, err := nkeys.CreateUser()
		if err != nil {
			return nil, nil, err
		}
		seed, err := pair.Seed()
		if err != nil {
			return nil, nil, err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, nil, err
		}
		c := mesh.Config{Name: nameOf(i), Logger: slog.New(slog.DiscardHandler), Recorder: new(mesh.Size),
			Hub:     &mesh.Hub{URLs: s.urlsOf(i), Seed: mesh.NewSecret(string(seed)), CA: mesh.Path(s.path("ca.pem"))},
			Exports: []mesh.Export{p.events[i].Export(mesh.Limit{})}}
		for k := range peers {
			before, after := (i+count-1-k)%count, (i+1+k)%count
			c.Peers = append(c.Peers, mesh.Peer{Name: nameOf(before)})
			c.Peers = append(c.Peers, mesh.Peer{Name: nameOf(after), MayImport: mesh.AllExports()})
			c.Imports = append(c.Imports, p.events[before].Import(mesh.Limit{}, mesh.Shared))
			c.Handlers = append(c.Handlers, p.events[before].Handle(fmt.Sprint("hear-", before), func(context.Context, told) error { return nil }, mesh.Workers(1)))
		}
		switch i {
		case 0:
			c.Exports = append(c.Exports, p.timed.Export(mesh.Limit{}))
		case 1:
			c.Imports = append(c.Imports, p.timed.Import(mesh.Limit{}, mesh.Shared))
			c.Handlers = append(c.Handlers, p.timed.Handle("time", p.hear, mesh.Workers(1)))
		}
		c.Peers = joined(c.Peers)
		if len(s.urls) == 0 { // direct links: they are introduced to each other
			c.Hub, c.Peers = nil, nil
		}
		p.configs = append(p.configs, c)
		atHub = append(atHub, hub.Node{Config: c.WithDefaults(), Key: public})
	}
	return p, atHub, nil
}

// joined makes one peer of two of a name.
func joined(peers []mesh.Peer) (all []mesh.Peer) {
	for _, p := range peers {
		at := slices.IndexFunc(all, func(other mesh.Peer) bool { return other.Name == p.Name })
		switch {
		case at < 0:
			all = append(all, p)
		case len(p.MayImport) > 0:
			all[at].MayImport = p.MayImport
		}
	}
	return all
}

func nameOf(i int) string { return fmt.Sprintf("s%d-1", i) }

// hear handles the event that is timed.
func (p *population) hear(_ context.Context, e told) error {
	p.arrived <- time.Since(p.epoch) - time.Duration(e.At)
	return nil
}

// form opens all nodes and waits until all are ready.
func (p *population) form(ctx context.Context) (took time.Duration, err error) {
	begun := time.Now()
	if p.configs[0].Hub == nil {
		if p.nodes, err = inproc.Open(ctx, p.configs...); err != nil {
			return 0, err
		}
		err = p.ready(ctx)
		return time.Since(begun), err
	}
	for _, c := range p.configs {
		node, err := mesh.Open(ctx, c)
		if err != nil {
			return 0, err
		}
		p.nodes = append(p.nodes, node)
	}
	err = p.ready(ctx)
	return time.Since(begun), err
}

func (p *population) ready(ctx context.Context) error {
	for _, n := range p.nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *population) close(ctx context.Context) error {
	var closing sync.WaitGroup
	failed := make([]error, len(p.nodes))
	for i, n := range p.nodes {
		closing.Go(func() { failed[i] = n.Close(ctx) })
	}
	closing.Wait()
	return errors.Join(failed...)
}

// measure makes a mesh and measures it.
func measure(ctx context.Context, dir, program string, count, serverCount int, s settings) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	atWork, err := newServers(dir, program, serverCount)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, atWork.stop()) }()
	p, atHub, err := newPopulation(count, s.peers, atWork)
	if err != nil {
		return f, err
	}
	if serverCount > 0 {
		h, err := hub.Nodes(atHub)
		if err != nil {
			return f, err
		}
		if err := atWork.start(h); err != nil {
			return f, err
		}
	}
	before := own()
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	if f.formed, err = p.form(ctx); err != nil {
		return f, err
	}
	if err := p.time(ctx, s.events, &f); err != nil {
		return f, err
	}
	f.node = (own() - before) / float64(count)
	if serverCount == 0 {
		return f, nil
	}
	if f.server, err = atWork.memory(); err != nil {
		return f, err
	}
	f.back, err = p.survive(ctx, atWork)
	return f, err
}

// own is what the nodes have in memory, heap and stacks, after garbage was collected.
func own() float64 {
	for range 2 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
