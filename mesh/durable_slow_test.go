package mesh_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// randomText is one of so many bytes that no compression makes much smaller.
func randomText(bytes int) string {
	random := make([]byte, bytes/2)
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}

// An event of 900 kB crosses a link of 60 kB/s: it arrives, once, small ones pass it, and the link
// stays up, although that takes longer than a peer may be silent.
func TestALargeEventCrossesASlowLink(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 16 s")
	}
	const size, bytesPerSecond = 900_000, 60_000
	var all calls
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	clue := durableClue(t, func(c *mesh.Config) {
		c.Listen, c.Seed, c.Peers, c.MaxPayload = "127.0.0.1:0", mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}, 1<<20
	})
	exporter := openNode(t, clue)
	proxy := meshtest.OpenProxy(t, exporter.ListenAddr())
	score := durableScore(t, all.add)
	score.Seed, score.Peers, score.MaxPayload = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr(), Key: clueKey}}, 1<<20
	importer := openNode(t, score)
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	ctx := exporter.Context(context.Background())
	proxy.Slow(meshtest.FromTarget, bytesPerSecond)
	before, began := proxy.Forwarded(meshtest.FromTarget), time.Now()
	large := solved{Team: "large", Clue: randomText(size)}
	if err := clueSolved.Emit(ctx, large); err != nil {
		t.Fatal(err)
	}
	for n := range 3 { // while it crosses
		small := solved{Team: "small", At: int64(n)}
		if err := clueSolved.Emit(ctx, small); err != nil {
			t.Fatal(err)
		}
		await(t, "a small event beside the large one", func() bool { events, _ := all.count(); return events == n+1 })
	}
	for {
		if events, _ := all.count(); events == 4 {
			break
		}
		for _, l := range importer.Stats().Links {
			if !l.Connected {
				t.Fatalf("the link broke after %v", time.Since(began))
			}
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatal("it does not arrive")
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("it took %v", time.Since(began))
	if sent := proxy.Forwarded(meshtest.FromTarget) - before; sent > size*5/4 {
		t.Errorf("%d bytes crossed the link for an event of %d", sent, size)
	}
	if _, most := all.count(); most != 1 {
		t.Errorf("an event was handled %d times", most)
	}
	if s := importer.Stats(); s.Of(clueSolved.Subject(), stats.Redelivered) != 0 {
		t.Errorf("%d events came again", s.Of(clueSolved.Subject(), stats.Redelivered))
	}
}
