package mesh_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// Instances that an export names get all events each, also one that comes later for the first time.
// One that it does not name is told so.
func TestDurableEach(t *testing.T) {
	var one, two, three seen
	instance := func(name string, got *seen) mesh.Config {
		c := durableScore(t, got.add)
		c.Name, c.Imports[0].Delivery = name, mesh.Each
		return c
	}
	clue := durableClue(t, func(c *mesh.Config) { c.Exports[0].KeptFor = []string{"score-1", "score-2"} })
	first, second := instance("score-1", &one), instance("score-2", &two)
	nodes := openAll(t, clue, first)
	for i := range 20 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i), At: int64(i)})
	}
	await(t, "all at the first", func() bool { return one.count() == 20 })
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	nodes, err := inproc.Open(within(t), clue, first, second, instance("score-3", &three))
	if err != nil {
		t.Fatal(err)
	}
	defer nodes.Close(within(t))
	await(t, "all from the beginning at the second", func() bool { return two.count() == 20 })
	emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "owls"})
	await(t, "the new one at both", func() bool { return one.count() == 21 && two.count() == 21 })
	if err := nodes.Node("score-3").Ready(within(t)); !errors.Is(err, mesh.ErrNotExported) || !strings.Contains(err.Error(), "does not keep clue.clue.solved for score-3: name it in kept_for") {
		t.Errorf("ready: %v", err)
	}
	if three.count() > 0 {
		t.Errorf("one that is not named got %d events", three.count())
	}
}

// A service that loses at its bound, and is not there, refuses nobody anything: what it loses is
// counted under its name. One that refuses is named by the error.
func TestDurableBoundOfAService(t *testing.T) {
	var got seen
	clue := durableClue(t, func(c *mesh.Config) {
		c.Outbox.MaxEvents = 100
		c.Exports[0].KeptFor = []string{"score", "board"}
		c.Exports[0].Bounds = []mesh.Bound{{Service: "board", Full: mesh.FullLose}}
	})
	nodes := openAll(t, clue, durableScore(t, got.add))
	for i := range 300 {
		emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: fmt.Sprint(i), At: int64(i)})
		await(t, "the event at score", func() bool { return got.count() == i+1 })
	}
	lost := func() (n uint64) {
		for _, c := range nodes.Node("clue-1").Stats().Counts {
			if c.Outcome == stats.Lost && c.Place == "outbox board" && c.Rule == stats.OutboxFull && c.Type == clueSolved.Subject() {
				n += c.Count
			}
		}
		return n
	}
	await(t, "what is too much is lost for board", func() bool {
		for _, r := range nodes.Node("clue-1").Stats().Outbox.Readers {
			if r.Service == "board" {
				return r.Backlog <= 50 && r.Backlog == 300-lost() && r.Lost == lost()
			}
		}
		return false
	})
	if err := nodes.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	clue.Exports[0].Bounds[0] = mesh.Bound{Service: "board", MaxEvents: 1}
	nodes = openAll(t, clue)
	err := clueSolved.Emit(nodes[0].Context(t.Context()), solved{Team: "owls"})
	if !errors.Is(err, mesh.ErrOutboxFull) || !strings.Contains(err.Error(), "1 wait for service board") {
		t.Errorf("error %v", err)
	}
}
