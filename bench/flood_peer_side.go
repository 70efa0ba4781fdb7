package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
)

// peerRate is what the quiet peer sends, in events a second. It is paced, because as
// fast as it can it would be the flood.
const peerRate = floodLimit * 8 / 10

// openBesidePeer: one of two peers is over what a node takes of a peer. It is a process
// of its own, as peers are. The quiet one shares this process with the node that
// imports, so that one clock measures the delay.
func openBesidePeer(ctx context.Context, handle func()) (*beside, error) {
	seed, key, err := newKey()
	if err != nil {
		return nil, err
	}
	noisy, err := startFloodPeer(key)
	if err != nil {
		return nil, fmt.Errorf("start the peer that floods: %w", err)
	}
	b := &beside{flood: noisy}
	if err := b.openPeers(ctx, seed, key, noisy, handle); err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	return b, nil
}

func newKey() (seed mesh.Secret, key string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return seed, "", fmt.Errorf("make a key: %w", err)
	}
	text, err := pair.Seed()
	if err != nil {
		return seed, "", fmt.Errorf("make a key: %w", err)
	}
	if key, err = pair.PublicKey(); err != nil {
		return seed, "", fmt.Errorf("make a key: %w", err)
	}
	return mesh.NewSecret(string(text)), key, nil
}

// openPeers opens the quiet peer and the node that imports from both.
func (b *beside) openPeers(ctx context.Context, seed mesh.Secret, key string, noisy *floodPeer, handle func()) error {
	quietSeed, quietKey, err := newKey()
	if err != nil {
		return err
	}
	quiet, err := mesh.Open(ctx, exporterTo(key, "clue-2", quietSeed))
	if err != nil {
		return err
	}
	b.nodes = append(b.nodes, quiet)
	root := quiet.Context(ctx)
	b.measured = func(value *answerJudged) error { return judged.Emit(root, *value) }
	importer, err := mesh.Open(ctx, mesh.Config{Name: "score-1", Seed: seed,
		Peers:   []mesh.Peer{{Name: "clue-1", URL: noisy.url, Key: noisy.key}, {Name: "clue-2", URL: "nats-leaf://" + quiet.ListenAddr(), Key: quietKey}},
		Imports: []mesh.Import{judged.Import(mesh.Limit{}, mesh.Shared)},
		Limits: []mesh.Rule{{Place: mesh.AtImport, Event: judged.Subject(), By: mesh.ByPeer,
			Limit: mesh.Limit{Rate: floodLimit, Burst: floodLimit, Policy: mesh.Shed}}},
		Handlers: []mesh.Handler{judged.Handle("count", func(ctx context.Context, _ answerJudged) error {
			if h, _ := mesh.HeaderOf(ctx); h.Origin() == "clue-2" {
				handle()
			}
			return nil
		}, mesh.Queue(queueSize))}})
	if err != nil {
		return err
	}
	b.nodes = append(b.nodes, importer)
	if err := b.nodes.Ready(ctx); err != nil {
		return fmt.Errorf("link the peers: %w", err)
	}
	return nil
}

// exporterTo is a peer from which the owner of the key may import.
func exporterTo(key, name string, seed mesh.Secret) mesh.Config {
	return mesh.Config{Name: name, Listen: "127.0.0.1:0", Seed: seed,
		Peers:   []mesh.Peer{{Name: "score-1", Key: key, MayImport: mesh.AllExports()}},
		Exports: []mesh.Export{judged.Export(mesh.Limit{})}}
}
