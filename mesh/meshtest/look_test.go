package meshtest

import (
	"testing"

	"leafmesh/mesh"
)

func TestImporters(t *testing.T) {
	m := &Mesh{imports: importsOf([]mesh.Config{
		{Name: "clue-1"},
		{Name: "score-1", Imports: []mesh.Import{{Event: "clue.clue.solved", Delivery: mesh.Shared}}},
		{Name: "score-2", Imports: []mesh.Import{{Event: "clue.clue.solved"}}}, // shared too
		{Name: "board-1", Imports: []mesh.Import{{Event: "clue.clue.solved", Delivery: mesh.Each}}},
		{Name: "board-2", Imports: []mesh.Import{{Event: "clue.clue.solved", Delivery: mesh.Each}, {Event: "clue.hint.taken", Delivery: mesh.Each}}},
	})}
	for subject, want := range map[string]uint64{"clue.clue.solved": 3, "clue.hint.taken": 1, "hunt.clue.solved": 0} {
		if got := m.importers(subject); got != want {
			t.Errorf("%s goes to %d importers, want %d", subject, got, want)
		}
	}
}

func TestLook(t *testing.T) {
	for name, c := range map[string]struct {
		look look
		want string
	}{
		"waiting":  {look{waiting: map[string]int64{"b-1": 2, "a-1": 1}}, "\ta-1: 1 events are queued or being handled\n\tb-1: 2 events are queued or being handled"},
		"on a way": {look{sent: 5, arrived: 3}, "\tlinks: 5 arrivals are due, 3 events arrived"},
		"quiet":    {look{sent: 5, arrived: 5}, "\tcounters still change"},
	} {
		if got := c.look.String(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if c.look.quiet() != (name == "quiet") {
			t.Errorf("%s: quiet is %v", name, c.look.quiet())
		}
	}
}
