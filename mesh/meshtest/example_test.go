package meshtest_test

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

func Example() {
	exampleOf(func(t testing.TB) { // in a test: func TestSolveIsScored(t *testing.T)
		m := meshtest.Open(t,
			mesh.Config{Name: "clue-1",
				Exports: []mesh.Export{solved.Export(mesh.Limit{})}},
			mesh.Config{Name: "score-1",
				Imports: []mesh.Import{solved.Import(mesh.Limit{}, mesh.Shared)},
				Handlers: []mesh.Handler{solved.Handle("score", func(ctx context.Context, s solve) error {
					return awarded.Emit(ctx, points{Team: s.Team, Points: 1})
				})}})

		if err := solved.Emit(m.Context("clue-1"), solve{Team: "otters", Clue: "try-and-eat"}); err != nil {
			t.Fatalf("emit: %v", err)
		}
		m.Settle(t)

		meshtest.AssertNoneLost(t, m)
		meshtest.AssertNothingLeft(t, m, "score-1")
		for _, e := range meshtest.Events(t, m, "score-1", awarded) {
			fmt.Printf("%+v at depth %d of a cascade from %s\n", e.Value, e.Header.Depth(), e.Header.Path()[0])
		}
	})
	// Output: {Team:otters Points:1} at depth 1 of a cascade from clue-1:clue.clue.solved
}
