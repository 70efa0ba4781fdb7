package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
)

// A flood is emitted at ten times what its rule allows: paced, and not as fast as
// it can, so that what is seen is what the gate lets through to others, and not
// two goroutines that share the processors.
const (
	floodLimit = 1000 // events a second that pass, by key and by type
	floodTick  = time.Millisecond
	floodTimes = 10
)

var flooded = mesh.NewEvent[answerJudged]("clue.flood.emitted")

// beside is leafmesh with a rule that a flood meets, with the flood or without.
// What is measured are events that stay within their limits.
type beside struct {
	nodes    mesh.Nodes
	measured func(*answerJudged) error
	flooding func() error // emits one event of the flood; its refusals are no errors
	limit    int          // events a second that pass of the flood

	quit  atomic.Bool
	flood sync.WaitGroup
}

// besideFlood makes the two sides of a comparison: with the flood and without.
func besideFlood(by string, rate int, open func(ctx context.Context, handle func()) (*beside, error)) (with, without side) {
	of := func(name string, flood bool) side {
		return side{name: name, rate: rate, open: func(ctx context.Context, handle func()) (carrier, error) {
			b, err := open(ctx, handle)
			if err != nil {
				return nil, err
			}
			if flood {
				b.flood.Go(b.run)
			}
			return b, nil
		}}
	}
	return of("leafmesh beside a flood by "+by, true), of("leafmesh, no flood by "+by, false)
}

func (b *beside) run() {
	ticks := newPace(int(time.Second / floodTick))
	for !b.quit.Load() {
		ticks.wait()
		for range floodTimes * b.limit * int(floodTick) / int(time.Second) {
			_ = b.flooding()
		}
	}
}

func (b *beside) emit(_ context.Context, value *answerJudged) error { return b.measured(value) }

func (b *beside) close(ctx context.Context) error {
	b.quit.Store(true)
	b.flood.Wait()
	return b.nodes.Close(ctx)
}

// openBesideType: another event type of the same node is over its limit.
func openBesideType(ctx context.Context, handle func()) (*beside, error) {
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1",
		Limits: []mesh.Rule{{Event: flooded.Subject(), Limit: mesh.Limit{Rate: floodLimit, Burst: floodLimit / 10}}},
		Handlers: []mesh.Handler{counting(handle),
			flooded.Handle("flood", func(context.Context, answerJudged) error { return nil })}})
	if err != nil {
		return nil, err
	}
	root := node.Context(ctx)
	return &beside{nodes: mesh.Nodes{node}, limit: floodLimit,
		measured: func(value *answerJudged) error { return judged.Emit(root, *value) },
		flooding: func() error { return flooded.Emit(root, sample) }}, nil
}

// quietTeams is over how many keys the measured events are spread: as many as
// they need to stay within the limit of each, at the throughput of any machine.
const quietTeams = 1 << 14

// openBesideKey: one team of the same event type is over the limit of a team.
func openBesideKey(ctx context.Context, handle func()) (*beside, error) {
	const noisy = "noisy"
	node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1",
		Limits: []mesh.Rule{{Event: judged.Subject(), By: mesh.ByKey, Keys: 4 * quietTeams, Limit: mesh.Limit{Rate: floodLimit, Burst: floodLimit / 10}}},
		Handlers: []mesh.Handler{judged.Handle("count", func(_ context.Context, a answerJudged) error {
			if a.Team != noisy {
				handle()
			}
			return nil
		}, mesh.Queue(queueSize))}})
	if err != nil {
		return nil, err
	}
	root, next := node.Context(ctx), 0
	teams := make([]string, quietTeams)
	for i := range teams {
		teams[i] = "team-" + strconv.Itoa(i)
	}
	flood := sample
	flood.Team = noisy
	return &beside{nodes: mesh.Nodes{node}, limit: floodLimit,
		measured: func(value *answerJudged) error {
			quiet := *value
			quiet.Team = teams[next%quietTeams]
			next++
			return judged.Emit(root, quiet)
		},
		flooding: func() error { return judged.Emit(root, flood) }}, nil
}

// What a peer may send of a type, and what the quiet one does send, in events a
// second. It is paced, because as fast as it can it would be the flood.
const (
	peerLimit = 2500
	peerRate  = 2000
)

// openBesidePeer: one of two peers is over what a node takes of a peer.
func openBesidePeer(ctx context.Context, handle func()) (*beside, error) {
	exporter := func(name string) mesh.Config {
		return mesh.Config{Name: name, Exports: []mesh.Export{judged.Export(mesh.Limit{})}}
	}
	nodes, err := mesh.OpenAll(ctx, exporter("clue-1"), exporter("clue-2"), mesh.Config{Name: "score-1",
		Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
		Limits: []mesh.Rule{{Place: mesh.AtImport, Event: judged.Subject(), By: mesh.ByPeer,
			Limit: mesh.Limit{Rate: peerLimit, Burst: peerLimit, Policy: mesh.Shed}}},
		Handlers: []mesh.Handler{judged.Handle("count", func(ctx context.Context, _ answerJudged) error {
			if h, _ := mesh.HeaderOf(ctx); h.Origin() == "clue-2" {
				handle()
			}
			return nil
		}, mesh.Queue(queueSize))}})
	if err != nil {
		return nil, err
	}
	if err := nodes.Ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("link the peers: %w", err), nodes.Close(ctx))
	}
	noisy, quiet := nodes[0].Context(ctx), nodes[1].Context(ctx)
	return &beside{nodes: nodes, limit: peerLimit,
		measured: func(value *answerJudged) error { return judged.Emit(quiet, *value) },
		flooding: func() error { return judged.Emit(noisy, sample) }}, nil
}
