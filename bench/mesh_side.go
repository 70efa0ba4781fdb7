package main

import (
	"context"
	"errors"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// meshLocal is leafmesh inside one node: emit to handled.
func meshLocal() side {
	return side{name: "leafmesh local", open: func(ctx context.Context, handle func()) (carrier, error) {
		node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{counting(handle)}})
		if err != nil {
			return nil, err
		}
		return meshCarrier{nodes: inproc.Nodes{node}, root: node.Context(ctx)}, nil
	}}
}

// meshLink is leafmesh over one hop: emit on one node, handled on another.
func meshLink() side {
	return side{name: "leafmesh export", window: wideWindow, open: func(ctx context.Context, handle func()) (carrier, error) {
		nodes, err := inproc.Open(ctx,
			mesh.Config{Name: "clue-1", Exports: []mesh.Export{judged.Export(mesh.Limit{})}},
			mesh.Config{Name: "score-1", Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
				Handlers: []mesh.Handler{counting(handle)}},
		)
		if err != nil {
			return nil, err
		}
		if err := nodes.Ready(ctx); err != nil {
			return nil, errors.Join(err, nodes.Close(ctx))
		}
		return meshCarrier{nodes: nodes, root: nodes[0].Context(ctx)}, nil
	}}
}

func counting(handle func()) mesh.Handler {
	return judged.Handle("count", func(context.Context, answerJudged) error {
		handle()
		return nil
	}, mesh.Queue(queueSize))
}

type meshCarrier struct {
	nodes inproc.Nodes
	root  context.Context // of the first node
}

func (c meshCarrier) emit(_ context.Context, value *answerJudged) error {
	return judged.Emit(c.root, *value)
}

func (c meshCarrier) close(ctx context.Context) error { return c.nodes.Close(ctx) }
