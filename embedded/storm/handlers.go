package storm

import (
	"context"
	"fmt"
	"sync/atomic"

	"leafmesh/mesh"
)

// weather is what the bad handlers of one run share.
type weather struct {
	cap      int64 // handled events, after which handlers emit nothing any more
	handled  atomic.Int64
	over     atomic.Bool   // handlers emit nothing any more
	capped   chan struct{} // closed when the cap is reached
	examples examples
}

func newWeather(limit int) *weather {
	return &weather{cap: int64(limit), capped: make(chan struct{})}
}

// configs declares the three nodes: each imports from the one before it, in a circle.
func (w *weather) configs(bounds mesh.Cascade, all neighbours) []mesh.Config {
	var configs []mesh.Config
	for i, s := range services {
		before := services[(i+nodeCount-1)%nodeCount]
		c := mesh.Config{
			Name:     s.name + "-1",
			Cascades: []mesh.Cascade{bounds},
			Exports:  []mesh.Export{s.passed.Export(mesh.Limit{})},
			Imports:  []mesh.Import{before.passed.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{
				s.started.Handle("start", w.start(s)),
				before.passed.Handle("pass", w.pass(s)),
				s.read.Handle("read", all[i].handle),
			},
		}
		for level, branch := range s.branches {
			c.Handlers = append(c.Handlers, branch.Handle(fmt.Sprintf("grow%d", level+1), w.grow(s, level+1)))
		}
		configs = append(configs, c)
	}
	return configs
}

// start makes the root's handler, which sends the circle on its way.
func (w *weather) start(s *service) func(context.Context, spark) error {
	return func(ctx context.Context, v spark) error {
		if w.goesOn() {
			w.emit(ctx, s.passed, v)
		}
		return nil
	}
}

// pass makes the handler that hands the circle on and begins a tree.
func (w *weather) pass(s *service) func(context.Context, spark) error {
	return func(ctx context.Context, v spark) error {
		if w.goesOn() {
			w.emit(ctx, s.passed, v)
			w.fork(ctx, s.branches[0], v)
		}
		return nil
	}
}

// grow makes the handler of a level of the tree, from 1. The last one emits nothing.
func (w *weather) grow(s *service, level int) func(context.Context, spark) error {
	return func(ctx context.Context, v spark) error {
		if w.goesOn() && level < treeDepth {
			w.fork(ctx, s.branches[level], v)
		}
		return nil
	}
}

func (w *weather) fork(ctx context.Context, e *mesh.Event[spark], v spark) {
	for range fanOut {
		w.emit(ctx, e, v)
	}
}

// emit is what makes the handlers bad: it looks at no error, but to keep an example of it.
func (w *weather) emit(ctx context.Context, e *mesh.Event[spark], v spark) {
	if err := e.Emit(ctx, v); err != nil {
		w.examples.keep(err)
	}
}

// goesOn counts an event and says whether its handler may emit. It is no part of the guard: it is
// what lets this machine survive without one.
func (w *weather) goesOn() bool {
	if w.handled.Add(1) == w.cap {
		w.over.Store(true)
		close(w.capped)
	}
	return !w.over.Load()
}
