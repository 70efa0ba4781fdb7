package main

import (
	"context"
	"errors"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// meshOpened opens three nodes of which each imports from both others, until all are ready. An
// event of it is one such start; closing is not in the time.
func meshOpened(alone bool) side {
	name := "leafmesh, three nodes opened"
	if alone {
		name = "leafmesh, one node opened"
	}
	return side{name: name, open: func(context.Context, func()) (carrier, error) { return &openedCarrier{alone: alone}, nil }}
}

type openedCarrier struct {
	alone bool
	took  time.Duration
	times int
}

func (c *openedCarrier) carry(ctx context.Context, times int) error {
	c.took, c.times = 0, times
	for range times {
		begun := time.Now()
		nodes, err := inproc.Open(ctx, c.configs()...)
		if err != nil {
			return err
		}
		err = nodes.Ready(ctx)
		c.took += time.Since(begun)
		if err := errors.Join(err, nodes.Close(ctx)); err != nil {
			return err
		}
	}
	return nil
}

func (c *openedCarrier) configs() []mesh.Config {
	if c.alone {
		return []mesh.Config{{Name: "clue-1"}}
	}
	return ring()
}

// openedTypes are a type of each of three services, which both others import.
var openedTypes = map[string]*mesh.Event[answerJudged]{
	"clue": judged, "hunt": mesh.NewEvent[answerJudged]("hunt.clue.unlocked"), "score": mesh.NewEvent[answerJudged]("score.points.awarded"),
}

func ring() (all []mesh.Config) {
	for service, own := range openedTypes {
		c := mesh.Config{Name: service + "-1", Exports: []mesh.Export{own.Export(mesh.Limit{})}}
		for other, event := range openedTypes {
			if other != service {
				c.Imports = append(c.Imports, event.Import(mesh.Limit{}, mesh.Shared))
				c.Handlers = append(c.Handlers, event.Handle("count-"+other, func(context.Context, answerJudged) error { return nil }))
			}
		}
		all = append(all, c)
	}
	return all
}

func (c *openedCarrier) observe(f *figures) {
	f.Nanos = float64(c.took.Nanoseconds()) / float64(c.times)
}

func (c *openedCarrier) emit(context.Context, *answerJudged) error { return nil } // carry opens
func (c *openedCarrier) close(context.Context) error               { return nil }
