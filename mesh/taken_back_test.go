package mesh_test

import (
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// greeted dials by a name and says hello for a type, which clue-1 answers.
func greeted(t *testing.T, clue *mesh.Node, name, seed string, durable bool) *rogueReader {
	t.Helper()
	r := dialRogue(t, clue.ListenAddr(), seed, name)
	r.listen(name)
	r.publish(leaf.FromReader(name, "clue-1"), "x", encodeTalk(t, &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536, Imports: []wire.HelloImport{
		{Type: clueSolved.Subject(), Durable: durable, Handlers: []string{"count"}, Events: 512, Bytes: 1 << 24}}}))
	await(t, "a welcome", func() bool { got, _ := r.heard(); return strings.Contains(got, "LMSG") })
	return r
}

// listen asks for all that clue-1 says to a reader.
func (r *rogueReader) listen(name string) {
	r.say("LS+ %s", leaf.ToReader(name, "clue-1"))
	r.say("LS+ %s.>", leaf.ToReader(name, "clue-1"))
}

// narrowed takes the right to a type from score-1 alone.
func narrowed(t *testing.T, clue *mesh.Node) {
	t.Helper()
	list := clue.Peers()
	for i := range list {
		if list[i].Name == "score-1" {
			list[i].MayImport = mesh.MayImport{clueShown.Subject()}
		}
	}
	if err := clue.SetPeers(list); err != nil {
		t.Fatal(err)
	}
}

// A reader whose right is taken back and that links again at once, without a hello, gets no further
// event of that type.
func TestWhoIsLinkedAgainGetsNothingThatWasTakenBack(t *testing.T) {
	for name, durable := range map[string]bool{"plain": false, "durable": true} {
		t.Run(name, func(t *testing.T) {
			c := clueNode("clue-1")
			if durable {
				c = durableClue(t)
			}
			c.Exports = append(c.Exports, clueShown.Export(mesh.Limit{}))
			clue, seeds := atClue(t, c, "score-1", "score-2") // what is kept must have somebody who may import it
			r := greeted(t, clue, "score-1", seeds["score-1"], durable)
			emit(t, clue, clueSolved, solved{Team: "owls"})
			await(t, "the event of before", func() bool { text, _ := r.heard(); return strings.Contains(text, "owls") })
			narrowed(t, clue)
			r = dialRogue(t, clue.ListenAddr(), seeds["score-1"], "score-1")
			r.listen("score-1")
			if text, ended := r.heard(); ended { // it is linked
				t.Fatalf("the link ended: %q", text)
			}
			const events = 20
			for range events {
				emit(t, clue, clueSolved, solved{Team: "owls"})
			}
			if durable {
				await(t, "all to be kept", func() bool { return keptForScore(clue) >= events })
			} else {
				await(t, "all to have left", func() bool {
					s := clue.Stats()
					return s.Of(clueSolved.Subject(), stats.Exported)+s.Of(clueSolved.Subject(), stats.Unheard) >= events
				})
			}
			if text, _ := r.heard(); strings.Contains(text, "LMSG") {
				t.Errorf("it heard %.300q", text)
			}
		})
	}
}

// A type is not missed at a service that may not import it any more, also when the reader was away
// when the right was taken back.
func TestWhatIsTakenBackIsNotMissed(t *testing.T) {
	c := clueNode("clue-1")
	c.Exports = append(c.Exports, clueShown.Export(mesh.Limit{}))
	clue, seeds := atClue(t, c, "score-1", "hunt-1")
	greeted(t, clue, "hunt-1", seeds["hunt-1"], false) // who hears the events
	r := greeted(t, clue, "score-1", seeds["score-1"], false)
	_ = r.conn.Close()
	missed := func() (sum uint64) {
		for _, count := range clue.Stats().Counts {
			if count.Outcome == stats.Unheard && count.Rule == "score" {
				sum += count.Count
			}
		}
		return sum
	}
	await(t, "the link to be gone", func() bool {
		return slices.ContainsFunc(clue.Stats().Links, func(l stats.Link) bool { return l.Peer == "score-1" && !l.Connected })
	})
	exported := func() uint64 { return clue.Stats().Of(clueSolved.Subject(), stats.Exported) } // to hunt-1
	var emitted uint64
	await(t, "events to be missed", func() bool {
		emit(t, clue, clueSolved, solved{Team: "owls"})
		emitted++
		return missed() > 0
	})
	await(t, "all to have left", func() bool { return exported() == emitted })
	narrowed(t, clue)
	before := missed()
	const events = 20
	for range events {
		emit(t, clue, clueSolved, solved{Team: "owls"})
	}
	await(t, "all to have left", func() bool { return exported() == emitted+events })
	if n := missed() - before; n > 0 {
		t.Errorf("%d are still missed", n)
	}
}
