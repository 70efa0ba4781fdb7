//go:build !race

// nats-server 2.15.2 reads its options without their lock when a stream answers a direct get
// (getDirectRequest), which the race detector finds while they are reloaded. The keys of links are
// changed under it in package leaf, TestKeysChange.

package mesh_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"leafmesh/mesh"
)

// Both nodes change their keys while durable events pass. Each is handled once.
func TestKeysChangeUnderLoad(t *testing.T) {
	var mu sync.Mutex
	times := map[int64]int{}
	clue, score := durableClue(t), durableScore(t, func(_ context.Context, s solved) error {
		mu.Lock()
		defer mu.Unlock()
		times[s.At]++
		return nil
	})
	exporter, importer := keyed(t, clue, score, mesh.AllExports())
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	load, stop := context.WithCancel(t.Context())
	var emitted int64
	var emitting sync.WaitGroup
	emitting.Go(func() {
		root := exporter.Context(context.Background())
		for load.Err() == nil {
			if err := clueSolved.Emit(root, solved{Team: "owls", At: emitted}); err != nil {
				t.Error(err)
				return
			}
			emitted++
		}
	})
	handled := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(times)
	}
	more := func(why string) {
		t.Helper()
		from := handled()
		await(t, why, func() bool { return handled() > from+100 })
	}
	more("events")
	for range 2 {
		scoreSeed, scoreKey := keyPair(t)
		clueSeed, clueKey := keyPair(t)
		named(t, exporter, func(p *mesh.Peer) { p.NextKey = scoreKey })
		named(t, importer, func(p *mesh.Peer) { p.NextKey = clueKey })
		if err := errors.Join(importer.SetSeed(mesh.NewSecret(scoreSeed)), exporter.SetSeed(mesh.NewSecret(clueSeed))); err != nil {
			t.Fatal(err)
		}
		more("events with two keys each")
		named(t, exporter, func(p *mesh.Peer) { p.Key, p.NextKey = p.NextKey, "" })
		named(t, importer, func(p *mesh.Peer) { p.Key, p.NextKey = p.NextKey, "" })
		more("events by the next keys")
	}
	stop()
	emitting.Wait()
	await(t, "all events", func() bool { return handled() == int(emitted) })
	for at, n := range times {
		if n != 1 {
			t.Errorf("event %d was handled %d times", at, n)
		}
	}
}
