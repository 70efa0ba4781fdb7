package main

import (
	"context"
	"errors"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// meshLocal is leafmesh inside one node: emit to handled. Its flight recorder is off, as the others
// have none; what it adds is a row of its own.
func meshLocal() side {
	return side{name: "leafmesh local, recorder off", open: func(ctx context.Context, handle func()) (carrier, error) {
		node, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Recorder: new(mesh.Size(0)), Handlers: []mesh.Handler{counting(handle)}})
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

// meshPlainLink is meshLink without TLS, as raw NATS has it.
func meshPlainLink() side {
	return side{name: "leafmesh export, plain", window: wideWindow, open: func(ctx context.Context, handle func()) (carrier, error) {
		seed, key, err := newKey()
		if err != nil {
			return nil, err
		}
		from, err := mesh.Open(ctx, mesh.Config{Name: "clue-1", Listen: "127.0.0.1:0", Links: mesh.Links{Plain: true},
			Peers:   []mesh.Peer{{Name: "score-1", Key: key, MayImport: mesh.AllExports()}},
			Exports: []mesh.Export{judged.Export(mesh.Limit{})}})
		if err != nil {
			return nil, err
		}
		nodes := inproc.Nodes{from}
		to, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Links: mesh.Links{Plain: true, PlainSeed: seed},
			Peers:    []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + from.ListenAddr()}},
			Imports:  []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{counting(handle)}})
		if err != nil {
			return nil, errors.Join(err, nodes.Close(ctx))
		}
		nodes = append(nodes, to)
		if err := nodes.Ready(ctx); err != nil {
			return nil, errors.Join(err, nodes.Close(ctx))
		}
		return meshCarrier{nodes: nodes, root: from.Context(ctx)}, nil
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
