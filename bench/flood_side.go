package main

import (
	"context"
	"sync"
	"time"

	"leafmesh/mesh"
)

// A flood is an event type that is emitted at ten times what its rule allows.
const (
	floodLimit = 1000 // events a second that pass
	floodTick  = time.Millisecond
	floodBurst = 10 * floodLimit * int(floodTick) / int(time.Second) // emitted each tick
)

var flooded = mesh.NewEvent[answerJudged]("clue.flood.emitted")

// meshBeside is leafmesh inside one node that has a rule for the flood and a
// handler of what passes, with the flood or without. What is measured is another
// event type on the same node.
func meshBeside(name string, flood bool) side {
	return side{name: name, open: func(ctx context.Context, handle func()) (carrier, error) {
		node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1",
			Limits: []mesh.Rule{{Event: flooded.Subject(), Limit: mesh.Limit{Rate: floodLimit, Burst: floodLimit / 10}}},
			Handlers: []mesh.Handler{counting(handle),
				flooded.Handle("flood", func(context.Context, answerJudged) error { return nil })}})
		if err != nil {
			return nil, err
		}
		c := &floodCarrier{meshCarrier: meshCarrier{nodes: mesh.Nodes{node}, root: node.Context(ctx)}, quit: make(chan struct{})}
		if flood {
			c.flood.Go(c.run)
		}
		return c, nil
	}}
}

// floodCarrier owns the goroutine that floods.
type floodCarrier struct {
	meshCarrier
	quit  chan struct{}
	flood sync.WaitGroup
}

func (c *floodCarrier) run() {
	tick := time.NewTicker(floodTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for range floodBurst {
				_ = flooded.Emit(c.root, sample) // nine of ten are refused: that is the flood
			}
		case <-c.quit:
			return
		}
	}
}

func (c *floodCarrier) close(ctx context.Context) error {
	close(c.quit)
	c.flood.Wait()
	return c.meshCarrier.close(ctx)
}
