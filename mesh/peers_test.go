package mesh_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// named changes the one peer of a node.
func named(t *testing.T, n *mesh.Node, change func(*mesh.Peer)) {
	t.Helper()
	list := n.Peers()
	change(&list[0])
	if err := n.SetPeers(list); err != nil {
		t.Fatal(err)
	}
}

// A peer whose right or key is taken back gets no event that is emitted afterwards.
func TestWhatIsTakenBackEndsAtOnce(t *testing.T) {
	_, another := keyPair(t)
	for name, change := range map[string]func([]mesh.Peer) []mesh.Peer{
		"the peer":  func([]mesh.Peer) []mesh.Peer { return nil },
		"its right": func(p []mesh.Peer) []mesh.Peer { p[0].MayImport = mesh.MayImport{"clue.hint.shown"}; return p },
		"its key":   func(p []mesh.Peer) []mesh.Peer { p[0].Key = another; return p },
	} {
		for _, durable := range []bool{false, true} {
			if durable && name != "its key" {
				continue // what is kept for a service must have a peer that may import it
			}
			t.Run(name, func(t *testing.T) {
				var got seen
				clue, score := clueNode("clue-1"), scoreNode("score-1", mesh.Shared, got.add)
				if durable {
					clue, score = durableClue(t), durableScore(t, got.add)
				}
				clue.Exports = append(clue.Exports, clueShown.Export(mesh.Limit{}))
				exporter, importer := keyed(t, clue, score, mesh.AllExports())
				if err := importer.Ready(within(t)); err != nil {
					t.Fatal(err)
				}
				emit(t, exporter, clueSolved, solved{Team: "owls"})
				await(t, "an event", func() bool { return got.count() == 1 })
				before := exporter.Peers()
				if err := exporter.SetPeers(change(exporter.Peers())); err != nil {
					t.Fatal(err)
				}
				for range 100 {
					emit(t, exporter, clueSolved, solved{Team: "owls"})
				}
				await(t, "the importer sees that it is not welcome", func() bool {
					ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
					defer cancel()
					return importer.Ready(ctx) != nil
				})
				if n := got.count(); n != 1 {
					t.Errorf("%d of 100 further events arrived", n-1)
				}
				if err := exporter.SetPeers(before); err != nil { // and it comes again
					t.Fatal(err)
				}
				await(t, "the importer is welcome again", func() bool {
					emit(t, exporter, clueSolved, solved{Team: "owls"})
					return got.count() > 1
				})
			})
		}
	}
}

// Bad peers change nothing.
func TestBadPeersChangeNothing(t *testing.T) {
	exporter, importer := keyed(t, clueNode("clue-1"), scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil }), mesh.AllExports())
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	var problem *config.FieldError
	list := exporter.Peers()
	list[0].Key = "U"
	if err := exporter.SetPeers(list); !errors.As(err, &problem) || problem.Field != "peers[0].key" || problem.Remedy == "" {
		t.Errorf("a bad key: %v", err)
	}
	if len(exporter.Peers()) != 1 || exporter.Peers()[0].Key == "U" {
		t.Errorf("changed: %+v", exporter.Peers())
	}
	if err := importer.Ready(within(t)); err != nil {
		t.Error(err)
	}
}
