package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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

// Nothing stays of peers that came and went, but for the accounts of the last ones, which go with
// the next change: no line, and no goroutine.
func TestPeersThatWentAreFreed(t *testing.T) {
	const rounds, each = 10, 10 // of names that are never the same
	finished := mesh.NewEvent[solved]("hunt.team.finished")
	c := clueNode("clue-1")
	seed, _ := keyPair(t)
	c.Listen, c.Seed, c.Data = "127.0.0.1:0", mesh.NewSecret(seed), mesh.Path(t.TempDir())
	c.Imports = []mesh.Import{finished.Import(mesh.Limit{}, mesh.Shared)}
	c.Handlers = []mesh.Handler{finished.Handle("count", func(context.Context, solved) error { return nil })}
	pair := func(number int) []mesh.Peer { // nobody is there
		_, reader := keyPair(t)
		_, exporter := keyPair(t)
		return []mesh.Peer{{Name: fmt.Sprint("score-", number), Key: reader, MayImport: mesh.AllExports()},
			{Name: fmt.Sprint("hunt-", number), Key: exporter, URL: fmt.Sprint("nats-leaf://127.0.0.1:", 1+number)}}
	}
	stay := pair(rounds * each)
	c.Peers = stay
	clue := openNode(t, c)
	set := func(peers ...mesh.Peer) {
		t.Helper()
		if err := clue.SetPeers(append(stay, peers...)); err != nil {
			t.Fatal(err)
		}
	}
	come := func(round int) {
		t.Helper()
		var peers []mesh.Peer
		for i := range each {
			peers = append(peers, pair(round*each+i)...)
		}
		set(peers...)
		if n := len(clue.Stats().Links); n != 2*each+len(stay) {
			t.Errorf("%d links, want %d", n, 2*each+len(stay))
		}
	}
	before := runtime.NumGoroutine()
	for round := range rounds {
		come(round)
		set()
	}
	set()
	await(t, fmt.Sprintf("the goroutines to end beyond %d", before), func() bool { return runtime.NumGoroutine() <= before })
	come(0) // and they may come again
	if missed := len(clue.Health().Problems); missed != each+1 {
		t.Errorf("the node misses %d exporters, want %d", missed, each+1)
	}
}
