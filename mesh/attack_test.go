package mesh_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// onOutbox are the subjects by which somebody in the account of an outbox could delete it, read it,
// settle what it keeps, or fill it. Those of the acknowledgements are exempt from permissions, and
// the hash of an account is the same on all nodes.
func onOutbox() (all []string) {
	for _, request := range []string{"STREAM.DELETE.OUTBOX", "STREAM.PURGE.OUTBOX", "STREAM.MSG.GET.OUTBOX", "STREAM.MSG.DELETE.OUTBOX",
		"STREAM.SNAPSHOT.OUTBOX", "CONSUMER.DELETE.OUTBOX.score", "CONSUMER.MSG.NEXT.OUTBOX.score"} {
		all = append(all, "$JS.API."+request, "$JS.clue-1.API."+request)
	}
	for n := 1; n <= 20; n++ {
		for _, prefix := range []string{"$JS.ACK", "$JS.ACK._.uWh27gdv", "$JS.ACK.clue-1.uWh27gdv"} {
			all = append(all, fmt.Sprintf("%s.OUTBOX.score.1.%d.%d.1.0", prefix, n, n), fmt.Sprintf("%s.OUTBOX.score.1.%d.%d.1.0.x", prefix, n, n))
		}
	}
	return append(all, "$JS.FC.OUTBOX.score.x", clueSolved.Subject()+".k", "_R_.x")
}

// answersTo are where an attacker has answers sent, as JetStream would take them for requests.
var answersTo = []string{"$JS.API.STREAM.DELETE.OUTBOX", "$JS.API.STREAM.PURGE.OUTBOX", clueSolved.Subject() + ".k"}

// encodeTalk encodes a message of the talk.
func encodeTalk(t *testing.T, message any) []byte {
	t.Helper()
	data, err := wire.EncodeTalk(message)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// atClue is a listening clue-1 whose peers have keys of the test: seeds by their names.
func atClue(t *testing.T, clue mesh.Config, peers ...string) (n *mesh.Node, seeds map[string]string) {
	t.Helper()
	seeds = map[string]string{}
	clue.Listen, clue.Links = meshtest.FreeAddress(t), mesh.Links{Plain: true} // the attackers speak the protocol by hand
	for _, name := range peers {
		seed, public := keyPair(t)
		seeds[name] = seed
		clue.Peers = append(clue.Peers, mesh.Peer{Name: name, Key: public, MayImport: mesh.AllExports()})
	}
	return openNode(t, clue), seeds
}

// dialing is a node that imports from a clue-1.
func dialing(c mesh.Config, clue *mesh.Node, seed string, others ...mesh.Peer) mesh.Config {
	c.Links = mesh.Links{Plain: true, PlainSeed: mesh.NewSecret(seed)}
	c.Peers = append([]mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + clue.ListenAddr()}}, others...)
	return c
}

// keptForScore is how many events an outbox keeps.
func keptForScore(n *mesh.Node) uint64 { return n.Stats().Outbox.Readers[0].Backlog }

// A key that links can neither delete an outbox, nor settle what it keeps for others, nor fill it.
func TestAReaderCanNotTouchTheOutbox(t *testing.T) {
	clue, seeds := atClue(t, durableClue(t), "score-1", "hunt-1")
	const events = 20
	for n := range events {
		emit(t, clue, clueSolved, solved{Team: "k", At: int64(n)})
	}
	await(t, "all to be kept", func() bool { return keptForScore(clue) == events })
	hello := encodeTalk(t, &wire.Hello{Nonce: wire.ID{1}, MaxPayload: 65536, Imports: []wire.HelloImport{
		{Type: clueSolved.Subject(), Durable: true, Handlers: []string{"count"}, Events: 512, Bytes: 1 << 24}}})
	settle := &wire.Answers{Nonce: wire.ID{1}}
	for n := range events {
		settle.Answers = append(settle.Answers, wire.Answer{Type: clueSolved.Subject(), Sequence: uint64(n) + 1})
	}
	for _, subject := range onOutbox() {
		for _, answer := range answersTo {
			r := dialRogue(t, clue.ListenAddr(), seeds["hunt-1"], "hunt-1")
			r.say("LS+ %s", leaf.ToReader("hunt-1", "clue-1"))
			for _, body := range []string{"", "+ACK", "+TERM", "+NXT 100"} {
				_, _ = fmt.Fprintf(r.conn, "LMSG %s %s %d\r\n%s\r\n", subject, answer, len(body), body)
			}
			if got, _ := r.heard(); strings.Contains(got, "LMSG") {
				t.Errorf("%s is answered: %q", subject, got)
			}
			_ = r.conn.Close()
		}
	}
	// It says in its own name what score would say, and in score's.
	r := dialRogue(t, clue.ListenAddr(), seeds["hunt-1"], "score-1")
	r.say("LS+ %s", leaf.ToReader("hunt-1", "clue-1"))
	r.publish(leaf.FromReader("hunt-1", "clue-1"), "x", encodeTalk(t, settle))
	r.publish(leaf.FromReader("hunt-1", "clue-1"), "x", hello)
	await(t, "an answer to its hello, which came after its answers", func() bool {
		got, _ := r.heard()
		return strings.Contains(got, "LMSG "+leaf.ToReader("hunt-1", "clue-1"))
	})
	r.publish(leaf.FromReader("score-1", "clue-1"), "x", encodeTalk(t, settle))
	if got, ended := r.heard(); !ended || strings.Contains(got, "LMSG") {
		t.Errorf("in score's name it heard %q", got)
	}
	emit(t, clue, clueSolved, solved{Team: "k", At: events}) // it is not full

	var got calls
	score := openNode(t, dialing(durableScore(t, got.add), clue, seeds["score-1"]))
	if err := score.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	await(t, "all at score", func() bool { n, _ := got.count(); return n == events+1 })
	await(t, "all to be settled", func() bool { return keptForScore(clue) == 0 })
	if n, most := got.count(); n != events+1 || most != 1 {
		t.Errorf("%d came, one of them %d times", n, most)
	}
}

// An exporter that is out for it reaches no other exporter's outbox through a common importer,
// answers in nobody's name, and reads nothing that is said to others.
func TestAnExporterCanNotReachAnother(t *testing.T) {
	clue, seeds := atClue(t, durableClue(t), "score-1")
	rogue := startRogueExporter(t, "hunt-1")
	var got, others calls
	c := dialing(durableScore(t, got.add), clue, seeds["score-1"], rogue.peer())
	finished := mesh.NewEvent[solved]("hunt.team.finished", mesh.Key(teamOf))
	c.Imports = append(c.Imports, finished.Import(mesh.Limit{}, mesh.Shared))
	c.Handlers = append(c.Handlers, finished.Handle("finish", others.add))
	score := openNode(t, c)
	own := leaf.FromReader("score-1", "hunt-1")
	await(t, "score to greet the rogue", func() bool { return slices.Contains(rogue.heard(), own) })
	await(t, "score to read from clue", func() bool { return len(clue.Stats().Outbox.Readers) > 0 && clue.Stats().Outbox.Readers[0].Known })
	if err := score.Cut(clueSolved.Subject(), "handler count"); err != nil {
		t.Fatal(err)
	}
	const events = 20
	for n := range events {
		emit(t, clue, clueSolved, solved{Team: fmt.Sprint(n), At: int64(n)})
	}
	await(t, "all to be kept", func() bool { return keptForScore(clue) == events })
	m, err := wire.DecodeTalk(rogue.last())
	if err != nil {
		t.Fatal(err)
	}
	nonce := m.(*wire.Hello).Nonce // which the rogue may know

	event := envelope(t, clueSolved.Subject(), solved{Team: "forged"})
	split, err := wire.SplitContainer(event, nil)
	if err != nil {
		t.Fatal(err)
	}
	forged := [][]byte{event, append(wire.AppendPlace(nil, 1, 0), event...), []byte("+ACK"), []byte("+NXT 100")}
	for n := range uint64(events) {
		forged = append(forged, encodeTalk(t, &wire.Batch{Nonce: nonce, Type: clueSolved.Subject(), Events: []wire.BatchEvent{
			{Sequence: n + 1, Message: split[0]}, {Sequence: n + 1000, Message: split[0]}}}),
			encodeTalk(t, &wire.Answers{Nonce: nonce, Answers: []wire.Answer{{Type: clueSolved.Subject(), Sequence: n + 1}}}))
	}
	forged = append(forged, encodeTalk(t, &wire.Welcome{Nonce: nonce, Exporter: "clue-1", MaxPayload: 1, Imports: []wire.WelcomeImport{{Type: clueSolved.Subject(), Stream: "x"}}}),
		encodeTalk(t, &wire.Goodbye{Nonce: nonce}))
	subjects := append(onOutbox(), leaf.ToReader("score-1", "clue-1"), leaf.ToReader("score-1", "hunt-1"), leaf.EventsTo("score-1", "clue-1", clueSolved.Subject()),
		leaf.EventsTo("score-1", "hunt-1", clueSolved.Subject()), leaf.EventsTo("score-1", "hunt-1", finished.Subject()), leaf.FromReader("score-1", "clue-1"))
	attack := func() {
		for _, subject := range subjects {
			for _, answer := range answersTo {
				for _, data := range forged {
					rogue.say(subject, answer, data)
				}
			}
		}
		rogue.sync()
	}
	attack() // while all waits
	if err := score.Restore(clueSolved.Subject(), "handler count"); err != nil {
		t.Fatal(err)
	}
	attack() // while all is handled
	await(t, "all at score", func() bool { n, _ := got.count(); return n >= events })
	await(t, "all to be settled", func() bool { return keptForScore(clue) == 0 })
	if n, most := got.count(); n != events || most != 1 || got.of[solved{Team: "forged"}] > 0 {
		t.Errorf("%d came, one of them %d times, %d forged", n, most, got.of[solved{Team: "forged"}])
	}
	if n, _ := others.count(); n > 0 {
		t.Errorf("%d of another type came from the rogue", n)
	}
	for _, subject := range rogue.heard() {
		if subject != own {
			t.Fatalf("the rogue heard %s", subject)
		}
	}
	if n := score.Stats().Of(finished.Subject(), stats.Lost); n == 0 {
		t.Error("nothing of the rogue has come to score")
	}
}

// A stranger takes nothing of what is for others, whichever queue groups it joins; and a key that
// says another's name cuts no link but its own.
func TestAReaderTakesNothingFromAnother(t *testing.T) {
	clue, seeds := atClue(t, clueNode("clue-1"), "score-1", "score-2", "hunt-1")
	var got calls
	score := openNode(t, dialing(scoreNode("score-1", mesh.Shared, got.add), clue, seeds["score-1"]))
	if err := score.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	var thieves []*rogueReader
	for _, name := range []string{"hunt-1", "score-2"} { // another service's key, and one of the same service's
		thief := dialRogue(t, clue.ListenAddr(), seeds[name], name)
		for _, wide := range []string{">", "*.>", "mesh.>", "mesh.to.>", "mesh.to.*.clue-1.>", leaf.ToReader(name, "clue-1"), leaf.ToReader(name, "clue-1") + ".>"} {
			thief.say("LS+ %s", wide)
			thief.say("LS+ %s thieves 100", wide)
			thief.say("LS+ %s score 100", wide)
		}
		if text, ended := thief.heard(); ended {
			t.Fatalf("the link of the thief ended: %q", text)
		}
		thieves = append(thieves, thief)
	}
	const events = 1000
	for n := range events {
		emit(t, clue, clueSolved, solved{Team: fmt.Sprint(n % 50), At: int64(n)})
		if n%100 == 50 { // it has score-1's name
			dialRogue(t, clue.ListenAddr(), seeds["hunt-1"], "score-1").heard()
		}
	}
	await(t, "all at score", func() bool { n, _ := got.count(); return n == events })
	for _, thief := range thieves {
		if text, _ := thief.heard(); strings.Contains(text, "LMSG") {
			t.Errorf("a thief heard %.300q", text)
		}
	}
	if lost := score.Stats().Total(stats.Lost) + clue.Stats().Total(stats.Lost) + clue.Stats().Total(stats.Unheard); lost > 0 {
		t.Errorf("%d were lost", lost)
	}
	if _, most := got.count(); most != 1 {
		t.Errorf("one came %d times", most)
	}
}
