package mesh_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// What an exporter has sent and what did not arrive is counted at the importer, who alone knows.
// What the client of this process has not dropped, a link has lost.
func TestWhatDidNotArriveIsCounted(t *testing.T) {
	got := make(chan solved, 100)
	node, send := openImporterAt(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	var arrived uint64
	for i, test := range []struct {
		run, before uint64
		events      int
		lost        uint64 // so far
	}{
		{1, 0, 2, 0},
		{1, 2, 1, 0},
		{1, 6, 1, 3},
		{1, 7, 1, 3},
		{2, 0, 3, 3},  // begins anew
		{2, 3, 1, 3},  // goes on
		{3, 2, 1, 5},  // the beginning is lost
		{3, 1, 1, 5},  // what cannot be: less than before
		{1, 8, 1, 13}, // of a former run: there is no telling what that is
	} {
		send(clueSolved.Subject(), test.run, test.before, contained(t, slices.Repeat([][]byte{event}, test.events)...))
		for range test.events {
			receive(t, got)
		}
		arrived += uint64(test.events)
		wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", stats.LinkCut, test.lost)
		wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", stats.SlowConsumer, 0)
		await(t, fmt.Sprintf("all that was sent up to message %d", i), func() bool { return node.Stats().Imports[0].Arrived == arrived+test.lost })
	}
}

// What an importer could not take in time is counted as that, and not as lost on the link.
func TestWhatASlowImporterLosesIsCounted(t *testing.T) {
	hang, read := make(chan struct{}), make(chan struct{})
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { <-hang; return nil })
	score.Imports = append(score.Imports, clueOpened.Import(mesh.Limit{}, mesh.Shared))
	score.Handlers = append(score.Handlers, clueOpened.Handle("last", func(context.Context, solved) error { close(read); return nil }))
	node, send := openImporterAt(t, score)
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	const events = 130_000 // more than wait in queues and in the client, at 80 bytes each
	for n := range uint64(events) {
		send(clueSolved.Subject(), 1, n, event)
	}
	send(clueOpened.Subject(), 1, 0, envelope(t, clueOpened.Subject(), solved{Team: "k"}))
	receive(t, read) // the client has read all that came before it
	close(hang)
	sent, before, looks := uint64(events), uint64(0), 0
	await(t, "all to be counted", func() bool {
		s := node.Stats()
		through := s.Of(clueSolved.Subject(), stats.Imported) + s.Of(clueSolved.Subject(), stats.Lost)
		if looks++; through != before {
			before, looks = through, 0
		}
		if looks == 20 && through < sent { // nothing moves: a further message tells of those that were lost before it
			send(clueSolved.Subject(), 1, sent, event)
			sent++
			looks = 0
		}
		return find(node, stats.Lost, stats.SlowConsumer).Count > 0 && through == sent
	})
	if cut := find(node, stats.Lost, stats.LinkCut); cut.Count > 0 {
		t.Errorf("the link lost %+v", cut)
	}
}

// A link breaks again and again while events cross it: each event is handled, or counted as unheard
// where it was to go out, or as lost with the link where it was to come in.
func TestNothingIsLostUncountedWithALink(t *testing.T) {
	seed, public := keyPair(t)
	clueSeed, clueKey := keyPair(t)
	clue := clueNode("clue-1")
	clue.Seed, clue.Listen = mesh.NewSecret(clueSeed), "127.0.0.1:0"
	clue.Peers = []mesh.Peer{{Name: "score-1", Key: public, MayImport: mesh.AllExports()}}
	exporter := openNode(t, clue)
	between := meshtest.OpenProxy(t, exporter.ListenAddr())
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
	score.Seed, score.Peers = mesh.NewSecret(seed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + between.Addr(), Key: clueKey}}
	importer := openNode(t, score)
	if err := importer.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	emitted := uint64(0)
	send := func() {
		emit(t, exporter, clueSolved, solved{Team: fmt.Sprint(emitted % 7), At: int64(emitted)})
		emitted++
	}
	for range 4 {
		for n := range 3000 {
			if n == 1500 {
				between.Cut()
				between.Restore()
			}
			send()
		}
		await(t, "the link", func() bool {
			heard := importer.Stats().Of(clueSolved.Subject(), stats.Imported)
			send()
			return importer.Ready(within(t)) == nil && importer.Stats().Of(clueSolved.Subject(), stats.Imported) > heard
		})
	}
	counted := func() bool {
		in, out := importer.Stats(), exporter.Stats()
		return out.Of(clueSolved.Subject(), stats.Exported)+out.Of(clueSolved.Subject(), stats.Unheard) == emitted &&
			in.Of(clueSolved.Subject(), stats.Imported)+in.Of(clueSolved.Subject(), stats.Lost) == out.Of(clueSolved.Subject(), stats.Exported)
	}
	await(t, "each to be counted", func() bool {
		send() // tells of those before it
		for range 100 {
			if counted() {
				return true
			}
			time.Sleep(time.Millisecond)
		}
		return false
	})
	if slow := find(importer, stats.Lost, stats.SlowConsumer); slow.Count > 0 {
		t.Errorf("counted as %+v", slow)
	}
}

// A message without a place, or with half of one, is malformed.
func TestNoPlace(t *testing.T) {
	got := make(chan solved, 1)
	node, send := openImporterAt(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	event := envelope(t, clueSolved.Subject(), solved{Team: "k"})
	for n := range 3 {
		message := append(wire.AppendPlace(nil, 1, 0), event...)
		send(clueSolved.Subject(), 1, 0, message[n:]) // its container begins with another place, half of it, or none
	}
	receive(t, got)
	wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", "malformed", 2)
}
