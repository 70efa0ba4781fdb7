package leaf

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// An importer that is taken out loses its link at once, as does one with a new key.
func TestLinkDropsImporters(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	score.ready(t, clue)
	hunt.ready(t, clue)
	kept := clue.Links()[0]
	if err := clue.Link(nil, []Importer{hunt.importer()}); err != nil {
		t.Fatal(err)
	}
	links := clue.Links()
	if len(links) != 1 || links[0].Peer != "hunt-1" || !links[0].Connected || links[0].MessagesOut < kept.MessagesOut {
		t.Errorf("after score-1 was taken out: %+v", links)
	}
	eventually(t, "score-1 is told", func() bool { return strings.Contains(score.log.String(), "Authorization Violation") })
	_, other := spec(t, "x")
	if err := clue.Link(nil, []Importer{{Name: "hunt-1", PublicKey: other.public}}); err != nil {
		t.Fatal(err)
	}
	if links := clue.Links(); len(links) != 1 || links[0].Connected {
		t.Errorf("after the key of hunt-1 changed: %+v", links)
	}
}

// A failed Link changes nothing.
func TestLinkFails(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)
	if err := clue.Link(nil, []Importer{{Name: "bad name"}}); err == nil {
		t.Error("linked")
	}
	if links := clue.Links(); len(links) != 1 || !links[0].Connected {
		t.Errorf("%+v", links)
	}
}

// Two processes of one name and key replace each other; both are told why.
func TestTwoOfOneName(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
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

// Counters are those of the link, and tell events from beacons.
func TestLinkCounts(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports, s.tuning.beacon = []string{solved}, 30*time.Millisecond })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	box := subscribe(t, score.connect(t, In), solved, "")
	score.ready(t, clue, solved)
	out := clue.connect(t, Out)
	publish(t, out, "clue.answer.judged.t1", "private")
	for range 5 {
		publish(t, out, "clue.clue.solved.t1", "five")
	}
	eventually(t, "five", func() bool { return len(box.all()) == 5 })
	eventually(t, "beacons", func() bool { return score.Links()[0].Beacons > 3 })
	for _, n := range []*node{clue, score} {
		events := func(l Link) uint64 {
			if l.Direction == Inbound {
				return l.MessagesOut - l.Beacons
			}
			return l.MessagesIn - l.Beacons
		}
		eventually(t, "five events counted at "+n.name, func() bool { return events(n.Links()[0]) == 5 })
	}
	if l := score.Links()[0]; l.BytesIn == 0 || l.MessagesOut != 0 || l.Peer != "clue-1" || l.Direction != Outbound {
		t.Errorf("%+v", l)
	}
}

// Everything may be called at once.
func TestConcurrentUse(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { withTap(s); s.Exports = []string{solved} })
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for range 25 {
				_ = clue.Interested(Out, "clue.clue.solved.t1")
				_, _, _ = clue.Links(), clue.TapClients(), clue.TapAddr()
				_ = score.Links()
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
	score.ready(t, clue)
	hunt.ready(t, clue)
}
