package leaf

import (
	"fmt"
	"slices"
	"testing"
)

// A full mesh without a hub: each node imports from each other one.
func TestFullMesh(t *testing.T) {
	for _, size := range []int{3, 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) { fullMesh(t, size) })
	}
}

func fullMesh(t *testing.T, size int) {
	var nodes []*node
	for i := range size {
		nodes = append(nodes, start(t, number(i), func(s *Spec) { s.Exports = []string{number(i) + ".clue.solved.*"} }))
	}
	for _, n := range nodes {
		var remotes []Remote
		var importers []Importer
		for _, peer := range nodes {
			if peer != n {
				remotes, importers = append(remotes, peer.remote()), append(importers, peer.importer())
			}
		}
		if err := n.Link(remotes, importers); err != nil {
			t.Fatal(err)
		}
	}
	var boxes []*inbox
	for _, n := range nodes {
		c := n.connect(t, In)
		for _, peer := range nodes {
			if peer != n {
				boxes = append(boxes, subscribe(t, c, peer.name+".clue.solved.*", ""))
			}
		}
	}
	for _, n := range nodes {
		for _, peer := range nodes {
			if peer != n {
				n.ready(t, peer, peer.name+".clue.solved.*")
			}
		}
	}
	for _, n := range nodes {
		c := n.connect(t, Out)
		publish(t, c, n.name+".clue.solved.t1", "once")
		publish(t, c, n.name+".clue.solved.t1", "last")
	}
	// A link keeps order: what came before "last" is all there is of "once".
	i := 0
	for _, n := range nodes {
		for _, peer := range nodes {
			if peer == n {
				continue
			}
			subject := peer.name + ".clue.solved.t1"
			want := []string{subject + " once", subject + " last"}
			if got := boxes[i].await(t, subject+" last"); !slices.Equal(got, want) {
				t.Errorf("%s from %s: got %q, want %q", n.name, peer.name, got, want)
			}
			i++
		}
	}
}

// Two instances of a service share an import: each event to exactly one.
func TestQueueGroupOverLinks(t *testing.T) {
	const subject, events = "clue.clue.solved.*", 400
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{subject} })
	one, two := start(t, "score-1", nil), start(t, "score-2", nil)
	link(t, clue, one, two)
	boxes := []*inbox{
		subscribe(t, one.connect(t, In), subject, "score"),
		subscribe(t, two.connect(t, In), subject, "score"),
	}
	one.ready(t, clue, subject)
	two.ready(t, clue, subject)
	out := clue.connect(t, Out)
	for i := range events {
		publish(t, out, "clue.clue.solved.team", fmt.Sprint(i))
	}
	eventually(t, "all events", func() bool { return len(boxes[0].all())+len(boxes[1].all()) >= events })
	all := append(boxes[0].all(), boxes[1].all()...)
	slices.Sort(all)
	if unique := slices.Compact(slices.Clone(all)); len(unique) != events || len(all) != events {
		t.Errorf("%d events arrived %d times, %d different", events, len(all), len(unique))
	}
	for i, box := range boxes {
		if n := len(box.all()); n < events/10 {
			t.Errorf("instance %d got %d of %d", i+1, n, events)
		}
	}
}
