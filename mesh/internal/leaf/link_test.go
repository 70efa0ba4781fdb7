package leaf

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// Both ends of a link hear each other, and nobody else, in order.
func TestLine(t *testing.T) {
	clue, score, hunt := start(t, "clue-1", nil), start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	for _, reader := range []*node{score, hunt} {
		out, in := clue.toReader(t, reader), reader.toExporter(t, "clue-1")
		events, said := EventsTo(reader.name, "clue-1", solved), FromReader(reader.name, "clue-1")
		box, heard := in.hear(t, ToReader(reader.name, "clue-1")+".>"), out.hear(t, "mesh.from.>")
		out.hears(t, events)
		in.hears(t, said)
		for i := range 100 {
			out.send(t, events, number(i))
		}
		in.send(t, said, "I am "+reader.name)
		for i, m := range box.await(t, events+" "+number(99)) {
			if m != events+" "+number(i) {
				t.Fatalf("message %d is %q", i, m)
			}
		}
		if got := heard.await(t, said+" I am "+reader.name); len(got) != 1 {
			t.Errorf("the exporter heard %q", got)
		}
	}
	for _, l := range clue.Links() {
		if l.MessagesOut < 100 || l.BytesOut == 0 || l.MessagesIn != 1 || l.Direction != Inbound || !l.Connected {
			t.Errorf("%+v", l)
		}
	}
}

// A link that comes again is another one.
func TestLineSeesAnotherLink(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	outBefore, inBefore := out.linked(t), in.linked(t)
	for _, l := range clue.leafs(readerAccount("score-1")) {
		_ = clue.nats.DisconnectClientByID(l.ID)
	}
	eventually(t, "other links", func() bool {
		outAfter, up := out.Link()
		inAfter, up2 := in.Link()
		return up && up2 && outAfter != outBefore && inAfter != inBefore
	})
	out.hears(t, ToReader("score-1", "clue-1"))
	if _, err := score.ToExporter("hunt-1"); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("a line to a node that is no remote: %v", err)
	}
	if _, err := clue.ToReader("hunt-1"); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("a line to a node that is no importer: %v", err)
	}
}

// An exporter that comes back is dialed at once by who asks for it, though the server itself
// would wait.
func TestRedial(t *testing.T) {
	s, clue := spec(t, "clue-1")
	score := start(t, "score-1", func(s *Spec) { s.tuning.reconnect = 10 * patience })
	s.Importers = []Importer{score.importer()}
	clue.start(t, s)
	s.Listen = clue.ListenAddr()
	if err := score.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	in := score.toExporter(t, "clue-1")
	in.linked(t)
	for range 3 {
		if err := clue.Stop(timeout(t)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no link", func() bool { _, up := in.Link(); return !up })
		if err := score.Redial("clue-1"); !errors.Is(err, ErrNotListening) {
			t.Errorf("dialed what does not listen: %v", err)
		}
		clue.start(t, s)
		if err := score.Redial("clue-1"); err != nil {
			t.Error(err)
		}
		in.linked(t)
	}
	if err := score.Redial("hunt-1"); !errors.Is(err, ErrUnknownPeer) {
		t.Errorf("an unknown exporter: %v", err)
	}
	if err := score.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := score.Redial("clue-1"); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

// An importer that is taken out loses its link at once, as does one with a new key.
func TestLinkDropsImporters(t *testing.T) {
	clue := start(t, "clue-1", nil)
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	score.toExporter(t, "clue-1").linked(t)
	kept := hunt.toExporter(t, "clue-1")
	number := kept.linked(t)
	if err := clue.Link(nil, []Importer{hunt.importer()}); err != nil {
		t.Fatal(err)
	}
	links := clue.Links()
	if after, up := kept.Link(); len(links) != 1 || links[0].Peer != "hunt-1" || !links[0].Connected || !up || after != number {
		t.Errorf("after score-1 was taken out: %+v", links)
	}
	eventually(t, "score-1 is told", func() bool {
		return strings.Contains(score.log.String(), "give the exporter this node's present public key")
	})
	_, other := spec(t, "x")
	if err := clue.Link(nil, []Importer{{Name: "hunt-1", Keys: []string{other.public}}}); err != nil {
		t.Fatal(err)
	}
	if links := clue.Links(); len(links) != 1 || links[0].Connected {
		t.Errorf("after the key of hunt-1 changed: %+v", links)
	}
}

// A failed Link changes nothing.
func TestLinkFails(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	score.toExporter(t, "clue-1").linked(t)
	if err := clue.Link(nil, []Importer{{Name: "bad name"}}); err == nil {
		t.Error("linked")
	}
	if links := clue.Links(); len(links) != 1 || !links[0].Connected {
		t.Errorf("%+v", links)
	}
}

// A remote without a URL has its account, and is dialed when there is one: what listens on the
// line before then hears what comes over the link.
func TestRemoteWithoutURL(t *testing.T) {
	clueSpec, clue := spec(t, "clue-1")
	score := start(t, "score-1", func(s *Spec) { s.Remotes = []Remote{{Name: "clue-1", Keys: []string{clue.public}}} })
	in := score.toExporter(t, "clue-1")
	box := in.hear(t, ToReader("score-1", "clue-1"))
	if _, up := in.Link(); up {
		t.Error("linked to nothing")
	}
	if l := score.Links(); len(l) != 1 || l[0].Connected {
		t.Errorf("%+v", l)
	}
	clue.start(t, clueSpec)
	link(t, clue, score)
	out := clue.toReader(t, score)
	out.hears(t, ToReader("score-1", "clue-1"))
	out.send(t, ToReader("score-1", "clue-1"), "hello")
	box.await(t, ToReader("score-1", "clue-1")+" hello")
}

// What keeps a link from being up is told.
func TestTrouble(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	wrong := clue.remote()
	wrong.Name = "hunt-1"
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	nobody := Remote{Name: "team-1", URL: "nats-leaf://127.0.0.1:1", Keys: []string{clue.public}}
	if err := score.Link([]Remote{wrong, nobody}, nil); err != nil {
		t.Fatal(err)
	}
	for exporter, want := range map[string]string{"hunt-1": "the server there is named clue-1", "team-1": "connection refused"} {
		eventually(t, want, func() bool { return strings.Contains(score.Trouble(exporter), want) })
		if _, up := score.toExporter(t, exporter).Link(); up {
			t.Errorf("linked to %s", exporter)
		}
	}
	if got := score.Trouble("nobody"); got != "" {
		t.Errorf("trouble with an unknown one: %q", got)
	}
}

// Two processes of one name and key replace each other; both are told why.
func TestTwoOfOneName(t *testing.T) {
	clue := start(t, "clue-1", nil)
	s, one := spec(t, "score-1")
	two := &node{name: one.name, seed: one.seed, public: one.public, log: one.log}
	one.start(t, s)
	two.start(t, s)
	link(t, clue, one)
	if err := two.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the remedy in the log", func() bool { return strings.Contains(one.log.String(), "another process runs") })
	eventually(t, "a warning at the exporter", func() bool { return strings.Contains(clue.log.String(), "Replacing connection") })
}

// Everything may be called at once.
func TestConcurrentUse(t *testing.T) {
	clue := start(t, "clue-1", withTap)
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 25 {
				_ = clue.Interested("clue.clue.solved.t1")
				_, _, _ = clue.Links(), clue.TapClients(), clue.TapAddr()
				_ = score.Links()
				_ = out.Hears(ToReader("score-1", "clue-1"))
				_, _ = in.Link()
				if err := out.Publish(ToReader("score-1", "clue-1"), nil); err != nil {
					t.Error(err)
				}
				if i == 0 {
					if err := clue.Link(nil, []Importer{score.importer(), hunt.importer()}); err != nil {
						t.Error(err)
					}
				}
				clue.connect(t, Local).Close()
			}
		})
	}
	group.Wait()
	in.linked(t)
	hunt.toExporter(t, "clue-1").linked(t)
}

// An account goes with its peer, once the line to it is closed, and comes again with it.
func TestAnAccountGoesWithItsPeer(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	for range 2 {
		link(t, clue, score)
		out := clue.toReader(t, score)
		in := score.toExporter(t, "clue-1")
		box := in.hear(t, ToReader("score-1", "clue-1")+".>")
		events := EventsTo("score-1", "clue-1", solved)
		out.hears(t, events)
		out.send(t, events, "x")
		box.await(t, events+" x")
		out.Close()
		in.Close()
		for _, s := range []*node{clue, score} {
			if err := s.Link(nil, nil); err != nil {
				t.Fatal(err)
			}
			for _, account := range []Account{readerAccount("score-1"), exporterAccount("clue-1")} {
				if _, err := s.nats.LookupAccount(string(account)); err == nil || len(s.lines) > 0 {
					t.Errorf("%s still has %s, or a line of %d", s.name, account, len(s.lines))
				}
			}
		}
	}
}
