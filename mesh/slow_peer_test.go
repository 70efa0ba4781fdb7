package mesh_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// A peer that says hello and reads nothing any more costs its exporter 10 MB, and the other peers
// none of their events. What it does not get is counted.
func TestSlowPeerCostsLittle(t *testing.T) {
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	boardSeed, boardKey := keyPair(t)
	open := func(c mesh.Config, seed string, peers ...mesh.Peer) *mesh.Node {
		t.Helper()
		c.Seed, c.Peers = mesh.NewSecret(seed), peers
		n, err := mesh.Open(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(within(t)); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	clue := clueNode("clue-1")
	clue.Listen = "127.0.0.1:0"
	exporter := open(clue, clueSeed, mesh.Peer{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()},
		mesh.Peer{Name: "board-1", Key: boardKey, MayImport: mesh.AllExports()})
	var mu sync.Mutex
	var delays []time.Duration
	score := open(scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error {
		mu.Lock()
		defer mu.Unlock()
		delays = append(delays, time.Since(time.Unix(0, s.At)))
		return nil
	}), scoreSeed, mesh.Peer{Name: "clue-1", URL: "nats-leaf://" + exporter.ListenAddr(), Key: clueKey})
	proxy := meshtest.OpenProxy(t, exporter.ListenAddr())
	board := open(scoreNode("board-1", mesh.Shared, func(context.Context, solved) error { return nil }), boardSeed,
		mesh.Peer{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr(), Key: clueKey})
	for _, n := range []*mesh.Node{score, board} {
		if err := n.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	proxy.Stall(meshtest.Both)
	before, most, emitted := heap(), int64(0), 0
	root, text := exporter.Context(t.Context()), strings.Repeat("x", 8<<10)
	received := func() int { mu.Lock(); defer mu.Unlock(); return len(delays) }
	for emitted < 3500 { // 28 MB, at 8 MB a second at most
		if err := clueSolved.Emit(root, solved{Team: "owls", Clue: text, At: time.Now().UnixNano()}); err != nil {
			t.Fatal(err)
		}
		if emitted++; emitted%500 == 0 {
			await(t, "all so far at the peer that reads", func() bool { return received() == emitted }) // else what is under way to it counts
			most = max(most, heap()-before)
		}
		time.Sleep(time.Millisecond)
	}
	await(t, "all events at the peer that reads", func() bool { return received() == emitted })
	if most > 14<<20 { // of which some is garbage of this moment
		t.Errorf("%d MB more", most>>20)
	}
	slices.Sort(delays)
	if p99 := delays[len(delays)*99/100]; p99 > 10*time.Second { // milliseconds, but for a loaded machine
		t.Errorf("the peer that reads waits %v", p99)
	}
	lost := uint64(0)
	for _, c := range exporter.Stats().Counts {
		if c.Type == clueSolved.Subject() && c.Outcome == stats.Lost && c.Place == "export" && c.Rule == stats.SlowConsumer {
			lost = c.Count
		}
	}
	if lost == 0 || lost > uint64(emitted) {
		t.Errorf("%d of %d events counted as lost", lost, emitted)
	}
	proxy.Restore()
}
