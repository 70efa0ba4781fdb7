package hub_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh"
	"leafmesh/mesh/hub"
	"leafmesh/mesh/internal/leaf"
)

// Nodes that have no direct link meet at a hub: events at most once go to one instance each,
// durable ones are all handled, and what is private stays.
func TestNodesMeetAtAHub(t *testing.T) {
	for name, site := range map[string]func(*testing.T) *site{
		"one server":   func(t *testing.T) *site { return newSite(t, 1) },
		"a cluster":    func(t *testing.T) *site { return newSite(t, 3) },
		"JWT accounts": func(t *testing.T) *site { return newHostedSite(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := site(t)
			var plain, durable [2]seen
			configs := []mesh.Config{s.add(clue(t, "score-1", "score-2")), s.add(score(t, "score-1", &plain[0], &durable[0])), s.add(score(t, "score-2", &plain[1], &durable[1]))}
			s.open()
			exporter, first, second := run(t, configs[0]), run(t, configs[1]), run(t, configs[2])
			ready(t, exporter, first, second)
			const events = 200
			for n := range events {
				emit(t, exporter, clueSolved, n)
				emit(t, exporter, clueOpened, n)
			}
			for kind, both := range map[string]*[2]seen{"at most once": &plain, "durable": &durable} {
				await(t, kind+": all to be handled", func() bool {
					a, _ := both[0].counts()
					b, _ := both[1].counts()
					return a+b >= events
				})
				if _, a := both[0].counts(); a == 0 || a == events {
					t.Errorf("%s: the first instance handled %d of %d, want a share", kind, a, events)
				}
			}
		})
	}
}

// A peer with a direct link gets its events by that, and not by the hub as well.
func TestADirectLinkGoesBeforeTheHub(t *testing.T) {
	s := newSite(t, 1)
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	var near, far, durable seen
	c := clue(t, "score-1", "score-2")
	c.Listen, c.Seed, c.Peers[0].Key = "127.0.0.1:0", clueSeed, scoreKey
	c = s.add(c)
	distant := s.add(score(t, "score-2", &far, &durable))
	direct := s.add(score(t, "score-1", &near, &durable))
	s.open()
	exporter := run(t, c)
	direct.Seed, direct.Peers[0].URL, direct.Peers[0].Key = scoreSeed, "nats-leaf://"+exporter.ListenAddr(), clueKey
	one, two := run(t, direct), run(t, distant)
	ready(t, exporter, one, two)
	const events = 100
	for n := range events {
		emit(t, exporter, clueSolved, n)
	}
	await(t, "all to be handled", func() bool {
		_, a := near.counts()
		_, b := far.counts()
		return a+b >= events
	})
	a, all := near.counts()
	b, others := far.counts()
	if a+b != events || all+others != events {
		t.Errorf("%d and %d different events, %d and %d in all, want %d once", a, b, all, others, events)
	}
	for _, l := range one.Stats().Links {
		if l.Direction == "hub" && l.MessagesIn > 0 {
			t.Errorf("%d messages came by the hub to the node with a direct link", l.MessagesIn)
		}
	}
}

// A server of the cluster that ends costs no durable event: its nodes dial another.
func TestAServerOfTheClusterEnds(t *testing.T) {
	s := newSite(t, 3)
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	s.open()
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	number := 0
	for _, server := range s.servers[:2] {
		for range 100 {
			emit(t, exporter, clueOpened, number)
			number++
		}
		stop(server)
		for range 100 {
			emit(t, exporter, clueOpened, number)
			number++
		}
	}
	await(t, "all to be handled", func() bool { different, _ := durable.counts(); return different == number })
	ready(t, exporter, importer)
}

// bothKinds runs a test with a hub that has what meshctl hub writes, and with one that has JWT
// accounts.
func bothKinds(t *testing.T, test func(*testing.T, *site)) {
	t.Run("keys", func(t *testing.T) { test(t, newSite(t, 1)) })
	t.Run("JWT accounts", func(t *testing.T) { test(t, newHostedSite(t)) })
}

// A node with a key of the hub reads nothing that is not for it, and speaks in no other's name.
func TestWhoImportsNothingReadsNothing(t *testing.T) {
	bothKinds(t, whoImportsNothing)
}

func whoImportsNothing(t *testing.T, s *site) {
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	mad := s.add(mesh.Config{Name: "mad-1"})
	s.open()
	line := s.attacker(mad)
	read := make(chan string, 1000) // what others published
	if _, err := line.Subscribe(">", func(m *nats.Msg) {
		if string(m.Data) != "forged" {
			read <- m.Subject
		}
	}); err != nil {
		t.Fatal(err)
	}
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	// In another's name it is not let speak; in its own nobody listens to it.
	for _, subject := range []string{leaf.EventsTo("score-1", "mad-1", clueSolved.Subject()), leaf.ToReader("score-1", "mad-1"), leaf.FromReader("mad-1", "clue-1"), leaf.EventsTo("score-1", "clue-1", clueSolved.Subject()), leaf.ToReader("score-1", "clue-1"), leaf.FromReader("score-1", "clue-1")} {
		if err := line.Publish(subject, []byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	const events = 100
	for n := range events {
		emit(t, exporter, clueSolved, n)
		emit(t, exporter, clueOpened, n)
	}
	await(t, "all to be handled", func() bool {
		a, _ := plain.counts()
		b, _ := durable.counts()
		return a == events && b == events
	})
	if len(read) > 0 {
		t.Errorf("the attacker read %s", <-read)
	}
	for _, n := range []*mesh.Node{exporter, importer} {
		for _, c := range n.Stats().Counts {
			if strings.Contains(c.String(), "malformed") {
				t.Errorf("something that was forged arrived: %v", c)
			}
		}
	}
}

// A node with keys of the hub that asks there for more than any exporter could note keeps nobody
// from finding that exporter.
func TestWhoAsksForMuchLocksNobodyOut(t *testing.T) {
	bothKinds(t, whoAsksForMuch)
}

func whoAsksForMuch(t *testing.T, s *site) {
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	mad := []mesh.Config{s.add(mesh.Config{Name: "mad-1"}), s.add(mesh.Config{Name: "mad-2"})}
	s.open()
	exporter := run(t, configs[0])
	ready(t, exporter)
	hub := s.servers[0]
	for _, c := range mad {
		line, before := s.attacker(c), hub.NumSubscriptions()
		for i := range 3 * leaf.HubAllowance / 2 { // what clue-1 may publish on
			if _, err := line.Subscribe(leaf.ToReader(c.Name, "clue-1")+fmt.Sprintf(".%d", i), func(*nats.Msg) {}); err != nil {
				t.Fatal(err)
			}
		}
		if err := line.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		await(t, "the hub to have heard it", func() bool { return hub.NumSubscriptions() >= before+leaf.HubAllowance-10 })
		if n := hub.NumSubscriptions() - before; n > leaf.HubAllowance {
			t.Errorf("the hub notes %d subscriptions of one link", n)
		}
	}
	ready(t, run(t, configs[1]))
	emit(t, exporter, clueSolved, 1)
	emit(t, exporter, clueOpened, 1)
	await(t, "all to be handled", func() bool {
		a, _ := plain.counts()
		b, _ := durable.counts()
		return a == 1 && b == 1
	})
}

// What the files do not agree about is said before a hub is started with it.
func TestWhatTheFilesDoNotAgreeAbout(t *testing.T) {
	s := newSite(t, 1)
	var plain, durable seen
	c := s.add(clue(t, "hunt-1"))
	s.add(score(t, "score-1", &plain, &durable))
	_, err := hub.Nodes(append(s.nodes, hub.Node{Config: c, Key: s.nodes[0].Key}))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"score-1 imports clue.clue.solved, and no node that is given exports it to score-1 by the hub", "two nodes are named clue-1", "clue-1 has the hub seed of clue-1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

// An exporter that ends, in order or not, and comes back, is spoken to again, though the link to
// the hub stays.
func TestAnExporterComesBackToTheHub(t *testing.T) {
	s := newSite(t, 1)
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	s.open()
	importer := run(t, configs[1])
	const times, events = 3, 50
	for i := range times {
		exporter, err := mesh.Open(within(t), configs[0])
		if err != nil {
			t.Fatal(err)
		}
		ready(t, exporter)
		for n := range events {
			emit(t, exporter, clueOpened, i*events+n)
		}
		if i == times-1 {
			await(t, "all to be handled", func() bool { different, _ := durable.counts(); return different == times*events })
		}
		if err := exporter.Close(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	if _, all := durable.counts(); all != times*events {
		t.Errorf("%d handled, want %d", all, times*events)
	}
	_ = importer
}

// A peer that may import no longer gets nothing more at once, though the hub still lets it speak;
// what it may import still goes on.
func TestRightsEndAtOnceAtAHub(t *testing.T) {
	s := newSite(t, 1)
	var plain, durable seen
	configs := []mesh.Config{s.add(clue(t, "score-1")), s.add(score(t, "score-1", &plain, &durable))}
	s.open()
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	emit(t, exporter, clueSolved, 0)
	await(t, "the first to be handled", func() bool { _, all := plain.counts(); return all == 1 })
	peers := exporter.Peers()
	peers[0].MayImport = mesh.MayImport{clueOpened.Subject()}
	if err := exporter.SetPeers(peers); err != nil {
		t.Fatal(err)
	}
	const events = 100
	for n := range events {
		emit(t, exporter, clueSolved, 1+n)
		emit(t, exporter, clueOpened, n)
	}
	await(t, "what may still be imported to be handled", func() bool { different, _ := durable.counts(); return different == events })
	if _, all := plain.counts(); all != 1 {
		t.Errorf("%d events came that may not be imported any more", all-1)
	}
}

// A node that the others did not know when they started takes part by the hub once it is one of
// their peers, and no longer when it is none.
func TestAPeerComesAndGoesAtAHub(t *testing.T) {
	s := newSite(t, 1)
	var plain, durable, plain2, durable2 seen
	configs := []mesh.Config{s.add(clue(t, "score-1", "score-2")), s.add(score(t, "score-1", &plain, &durable)), s.add(score(t, "score-2", &plain2, &durable2))}
	s.open()
	peers := configs[0].Peers
	configs[0].Peers = peers[:1]
	exporter, importer := run(t, configs[0]), run(t, configs[1])
	ready(t, exporter, importer)
	n := 0
	for range 2 {
		if err := exporter.SetPeers(peers); err != nil {
			t.Fatal(err)
		}
		second := run(t, configs[2])
		ready(t, second)
		_, before := plain2.counts()
		await(t, "events to reach the second importer", func() bool {
			emit(t, exporter, clueSolved, n)
			n++
			_, all := plain2.counts()
			return all > before
		})
		if err := errors.Join(second.Close(within(t)), exporter.SetPeers(peers[:1])); err != nil {
			t.Fatal(err)
		}
	}
	list := importer.Peers()
	if err := importer.SetPeers(nil); err == nil {
		ready(t, importer) // it does not miss who is no peer
	} else {
		t.Fatal(err)
	}
	if err := importer.SetPeers(list); err != nil {
		t.Fatal(err)
	}
	ready(t, importer)
	_, before := plain.counts()
	emit(t, exporter, clueSolved, n)
	await(t, "an event after the exporter came back", func() bool { _, all := plain.counts(); return all > before })
}
