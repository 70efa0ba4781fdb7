//go:build !race

// See keys_load_test.go for what the race detector finds in nats-server.

package mesh_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// A second importer and a second exporter come while durable events pass, take part, go, and come
// again. Each event is handled once, and the link that was there stays.
func TestPeersComeAndGoUnderLoad(t *testing.T) {
	var all, second tally
	exporter, importer := keyed(t, durableClue(t), durableScore(t, all.add), mesh.AllExports())
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	await(t, "the link is looked at", func() bool { return !linkSince(importer, "clue-1").IsZero() })
	since := linkSince(importer, "clue-1")
	emitted := emitAll(t, exporter, 0)
	await(t, "events", func() bool { return all.distinct() > 100 })

	scoreSeed, scoreKey := keyPair(t)
	clueSeed, clueKey := keyPair(t)
	first := importer.Peers()[0]
	list := append(exporter.Peers(), mesh.Peer{Name: "score-2", Key: scoreKey, MayImport: mesh.AllExports()})
	open := func(c mesh.Config) *mesh.Node {
		t.Helper()
		n, err := mesh.Open(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	score2 := durableScore(t, func(ctx context.Context, s solved) error { return errors.Join(all.add(ctx, s), second.add(ctx, s)) })
	score2.Name, score2.Seed, score2.Peers = "score-2", mesh.NewSecret(scoreSeed), []mesh.Peer{first}
	for range 2 {
		if err := exporter.SetPeers(list); err != nil {
			t.Fatal(err)
		}
		node, before := open(score2), second.distinct()
		if err := node.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		await(t, "events for the second importer", func() bool { return second.distinct() > before })
		if err := node.Close(within(t)); err != nil {
			t.Error(err)
		}
		await(t, "its link to be down", func() bool { // before that, what it said last may not have been read
			return !slices.ContainsFunc(exporter.Stats().Links, func(l stats.Link) bool { return l.Peer == "score-2" && l.Connected })
		})
		if err := exporter.SetPeers(list[:1]); err != nil {
			t.Fatal(err)
		}
		if h := exporter.Stats(); len(h.Links) != 1 {
			t.Errorf("the removed importer is still listed: %+v", h.Links)
		}
	}

	clue2 := durableClue(t)
	clue2.Name, clue2.Listen, clue2.Seed = "clue-2", "127.0.0.1:0", mesh.NewSecret(clueSeed)
	clue2.Peers = []mesh.Peer{{Name: "score-1", Key: exporter.Peers()[0].Key, MayImport: mesh.AllExports()}}
	other := open(clue2)
	const offset = 1 << 40
	emittedThere := emitAll(t, other, offset)
	with := append(importer.Peers(), mesh.Peer{Name: "clue-2", Key: clueKey, URL: "nats-leaf://" + other.ListenAddr()})
	for range 2 {
		if err := importer.SetPeers(with); err != nil {
			t.Fatal(err)
		}
		if err := importer.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		before := all.over(offset)
		await(t, "events of the second exporter", func() bool { return all.over(offset) > before })
		if err := importer.SetPeers(with[:1]); err != nil {
			t.Fatal(err)
		}
		if err := importer.Ready(within(t)); err != nil { // it does not miss the one that is gone
			t.Fatal(err)
		}
	}
	if err := importer.SetPeers(with); err != nil {
		t.Fatal(err)
	}
	n := emitted() + emittedThere()
	await(t, "all events", func() bool { return all.distinct() == n })
	if twice := all.twice(); twice > 0 {
		t.Errorf("%d events were handled twice", twice)
	}
	if now := linkSince(importer, "clue-1"); now != since {
		t.Errorf("the link that did not change was made anew: %v, then %v", since, now)
	}
	if err := other.Close(within(t)); err != nil {
		t.Error(err)
	}
}

// tally counts how often each event was handled, by its time.
type tally struct {
	mu    sync.Mutex
	times map[int64]int // guarded by mu
}

func (c *tally) add(_ context.Context, s solved) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[int64]int{}
	}
	c.times[s.At]++
	return nil
}

func (c *tally) distinct() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// over counts the events from a time on.
func (c *tally) over(from int64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := range c.times {
		if at >= from {
			n++
		}
	}
	return n
}

func (c *tally) twice() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.times {
		if times > 1 {
			n++
		}
	}
	return n
}

// emitAll emits events, from a time on, until stop is called, which tells how many they were.
func emitAll(t *testing.T, n *mesh.Node, from int64) (stop func() int) {
	load, cancel := context.WithCancel(t.Context())
	var emitted int64
	var done sync.WaitGroup
	done.Go(func() {
		root := n.Context(context.Background())
		for load.Err() == nil {
			if err := clueSolved.Emit(root, solved{Team: "owls", At: from + emitted}); err != nil {
				t.Error(err)
				return
			}
			emitted++
		}
	})
	stop = func() int {
		cancel()
		done.Wait()
		return int(emitted)
	}
	t.Cleanup(func() { stop() })
	return stop
}

// linkSince is since when a link is up.
func linkSince(n *mesh.Node, peer string) time.Time {
	for _, link := range n.Stats().Links {
		if link.Peer == peer && link.Connected {
			return link.Since
		}
	}
	return time.Time{}
}

// between counts the events from a time on until another one.
func (c *tally) between(from, to int64) int { return c.over(from) - c.over(to) }
