package meshtest_test

import (
	"context"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// The events of a small hunt: a guess is private to clue; a solve leaves it,
// and score answers with points.

type guess struct {
	Team string `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
}

type solve struct {
	Team string `cbor:"1,keyasint"`
	Clue string `cbor:"2,keyasint"`
}

type points struct {
	Team   string `cbor:"1,keyasint"`
	Points int    `cbor:"2,keyasint"`
}

var (
	guessed = mesh.NewEvent[guess]("clue.answer.guessed", mesh.Key(func(g guess) string { return g.Team }))
	solved  = mesh.NewEvent[solve]("clue.clue.solved", mesh.Key(func(s solve) string { return s.Team }))
	awarded = mesh.NewEvent[points]("score.points.awarded", mesh.Key(func(p points) string { return p.Team }))
)

// clueNode solves a clue with each guess.
func clueNode() mesh.Config {
	return mesh.Config{Name: "clue-1",
		Exports: []mesh.Export{solved.Export(mesh.Limit{})},
		Handlers: []mesh.Handler{guessed.Handle("judge", func(ctx context.Context, g guess) error {
			return solved.Emit(ctx, solve{Team: g.Team, Clue: g.Text})
		})}}
}

// scoreNode awards a point for each solve.
func scoreNode(name string, delivery mesh.Delivery) mesh.Config {
	return mesh.Config{Name: name,
		Imports: []mesh.Import{solved.Import(mesh.Limit{}, delivery)},
		Handlers: []mesh.Handler{solved.Handle("score", func(ctx context.Context, s solve) error {
			return awarded.Emit(ctx, points{Team: s.Team, Points: 1})
		})}}
}

func openHunt(t testing.TB) *meshtest.Mesh {
	t.Helper()
	return meshtest.Open(t, clueNode(), scoreNode("score-1", mesh.Shared))
}

func emit[T any](t testing.TB, m *meshtest.Mesh, node string, event *mesh.Event[T], value T) {
	t.Helper()
	if err := event.Emit(m.Context(node), value); err != nil {
		t.Fatalf("emit on %s: %v", node, err)
	}
}

// brief is a limit for waits that are to fail.
var brief = meshtest.Settings{Limit: 300 * time.Millisecond}
