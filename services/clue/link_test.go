package clue

import (
	"context"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/servicetest"
)

// opened is hunt.clue.unlocked as hunt declares it: the subject and the integer keys are the
// contract, not the Go type.
type opened struct {
	Name  string   `cbor:"1,keyasint"`
	Clues []string `cbor:"2,keyasint"`
	At    int64    `cbor:"3,keyasint"`
	Later string   `cbor:"4,keyasint"` // a field that this service does not know
}

// TestOverLinks: what hunt announces on its node opens clues here; what is solved here arrives
// there, guesses do not.
func TestOverLinks(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), servicetest.Patience)
	defer cancel()
	announce := mesh.NewEvent[opened]("hunt.clue.unlocked", mesh.Key(func(e opened) string { return e.Name }))
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}, sample(huntfile.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	here := mesh.Config{Name: "clue-1",
		Exports: []mesh.Export{Solved.Export(mesh.Limit{}), Hinted.Export(mesh.Limit{})},
		Imports: []mesh.Import{Unlocked.Import(mesh.Limit{}, mesh.Shared)}}
	solved := make(chan ClueSolved, 1)
	there := mesh.Config{Name: "hunt-1",
		Exports: []mesh.Export{announce.Export(mesh.Limit{})},
		Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)},
		Handlers: []mesh.Handler{Solved.Handle("see", func(_ context.Context, e ClueSolved) error {
			solved <- e
			return nil
		})}}
	r := servicetest.Start(t, s, here, there)
	nodes := r.Nodes
	const name = `the "Ω.*>" team 🦉`
	if err := announce.Emit(nodes[1].Context(ctx), opened{Name: name, Clues: []string{"a"}, At: 1, Later: "x"}); err != nil {
		t.Fatal(err)
	}
	r.Await("the announcement", func() bool { return len(s.Clues(name, noon)) > 0 })
	if j, err := s.Answer(r.Ctx, Submission{Team: name, Clue: "a", Guess: "lighthouse", At: noon}); err != nil || j.Verdict != Correct {
		t.Fatalf("%v, %v", j.Verdict, err)
	}
	select {
	case got := <-solved:
		if want := (ClueSolved{name, "a", noon.UnixMilli()}); got != want {
			t.Errorf("arrived %+v, want %+v", got, want)
		}
	case <-ctx.Done():
		t.Fatal("the solve did not arrive")
	}
	seen := nodes[0].Stats()
	for _, private := range []string{Submitted.Subject(), Judged.Subject()} {
		if n := seen.Of(private, stats.Exported); n > 0 {
			t.Errorf("%d events of %s left the node", n, private)
		}
	}
}

// The node of the service knows its database, and so notices one that is older than its data.
func TestTheNodeKnowsTheDatabase(t *testing.T) {
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(t.TempDir())}}, sample(huntfile.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	var c mesh.Config
	s.Declare(&c)
	if err := c.State.SetMark(t.Context(), "clue-1", 7); err != nil {
		t.Error(err)
	}
	if mark, err := c.State.Mark(t.Context(), "clue-1"); mark != 7 || err != nil {
		t.Errorf("mark %d, %v", mark, err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
