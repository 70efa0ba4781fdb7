package hunt

import (
	"context"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/services/servicetest"
)

// solved is clue.clue.solved as clue might declare it: the subject and the integer keys are the
// contract, not the Go type.
type solved struct {
	Name  string `cbor:"1,keyasint"`
	Clue  string `cbor:"2,keyasint"`
	At    int64  `cbor:"3,keyasint"`
	Later string `cbor:"4,keyasint"` // a field that this service does not know
}

// TestOverLinks: a team joins here and clue hears of its clues; clue tells of a solve and hears of
// what it opened.
func TestOverLinks(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	tell := mesh.NewEvent[solved]("clue.clue.solved", mesh.Key(func(e solved) string { return e.Name }))
	s, err := New(here(t), sample())
	if err != nil {
		t.Fatal(err)
	}
	mine := mesh.Config{Name: "hunt-1",
		Exports: []mesh.Export{Unlocked.Export(mesh.Limit{}), Finished.Export(mesh.Limit{})},
		Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}}
	heard := make(chan ClueUnlocked, 2)
	theirs := mesh.Config{Name: "clue-1",
		Exports: []mesh.Export{tell.Export(mesh.Limit{})},
		Imports: []mesh.Import{Unlocked.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{Unlocked.Handle("hear", func(_ context.Context, e ClueUnlocked) error {
			heard <- e
			return nil
		})}}
	r := servicetest.Start(t, s, mine, theirs)
	nodes := r.Nodes
	const name = `the "Ω.*>" team 🦉`
	expect := func(want ...string) {
		t.Helper()
		select {
		case e := <-heard:
			if e.Team != name || !slices.Equal(e.Clues, want) {
				t.Errorf("heard %+v, want %v", e, want)
			}
		case <-ctx.Done():
			t.Fatalf("%v was not heard of", want)
		}
	}
	if _, err := s.Join(r.Ctx, name, time.Now()); err != nil {
		t.Fatal(err)
	}
	expect("a", "b")
	if err := tell.Emit(nodes[1].Context(ctx), solved{Name: name, Clue: "a", At: 7, Later: "x"}); err != nil {
		t.Fatal(err)
	}
	expect("c")
	if n := nodes[0].Stats().Of(Progressed.Subject(), stats.Exported); n > 0 {
		t.Errorf("%d private events left the node", n)
	}
}
