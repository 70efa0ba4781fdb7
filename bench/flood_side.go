package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// A flood is emitted at ten times what its rule allows: paced, and not as fast as
// it can, so that what is seen is what the gate lets through to others, and not
// two goroutines that share the processors.
const (
	floodLimit = 1000 // events a second that pass of it
	floodTick  = time.Millisecond
	floodTimes = 10
)

var flooded = mesh.NewEvent[answerJudged]("clue.flood.emitted")

// beside is leafmesh with a rule that a flood meets, with the flood or without.
// What is measured are events that stay within their limits.
type beside struct {
	nodes    inproc.Nodes
	measured func(*answerJudged) error
	flood    flood
}

// flood is what is over its limit: a goroutine or a process.
type flood interface {
	start() error
	// stop ends it, whether it was started or not.
	stop() error
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
				if err := b.flood.start(); err != nil {
					return nil, errors.Join(err, b.close(ctx))
				}
			}
			return b, nil
		}}
	}
	return of("leafmesh beside a flood by "+by, true), of("leafmesh, no flood by "+by, false)
}

func (b *beside) emit(_ context.Context, value *answerJudged) error { return b.measured(value) }

func (b *beside) close(ctx context.Context) error {
	return errors.Join(b.flood.stop(), b.nodes.Close(ctx))
}

// torrent is a flood from a goroutine of this process.
type torrent struct {
	emit func() error // its refusals are no errors

	quit    atomic.Bool
	running sync.WaitGroup
}

func (t *torrent) start() error {
	t.running.Go(func() {
		ticks := newPace(int(time.Second / floodTick))
		for !t.quit.Load() {
			ticks.wait()
			for range floodTimes * floodLimit * floodTick / time.Second {
				_ = t.emit()
			}
		}
	})
	return nil
}

func (t *torrent) stop() error {
	t.quit.Store(true)
	t.running.Wait()
	return nil
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
	return &beside{nodes: inproc.Nodes{node},
		measured: func(value *answerJudged) error { return judged.Emit(root, *value) },
		flood:    &torrent{emit: func() error { return flooded.Emit(root, sample) }}}, nil
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
	over := sample
	over.Team = noisy
	return &beside{nodes: inproc.Nodes{node},
		measured: func(value *answerJudged) error {
			quiet := *value
			quiet.Team = teams[next%quietTeams]
			next++
			return judged.Emit(root, quiet)
		},
		flood: &torrent{emit: func() error { return judged.Emit(root, over) }}}, nil
}
