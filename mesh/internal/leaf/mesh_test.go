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
		nodes = append(nodes, start(t, number(i), nil))
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
	type way struct {
		out     *Line
		subject string
		box     *inbox
	}
	var ways []way
	for _, n := range nodes {
		for _, peer := range nodes {
			if peer != n {
				subject := EventsTo(n.name, peer.name, solved)
				ways = append(ways, way{peer.toReader(t, n), subject, n.toExporter(t, peer.name).hear(t, ">")})
			}
		}
	}
	for _, w := range ways {
		w.out.hears(t, w.subject)
		w.out.send(t, w.subject, "once")
		w.out.send(t, w.subject, "last")
	}
	// A link keeps order: what came before "last" is all there is of "once".
	for _, w := range ways {
		want := []string{w.subject + " once", w.subject + " last"}
		if got := w.box.await(t, w.subject+" last"); !slices.Equal(got, want) {
			t.Errorf("from %s: got %q, want %q", w.out.Peer(), got, want)
		}
	}
}
