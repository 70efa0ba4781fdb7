package meshtest_test

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// A durable import needs an export that is kept for its service: in a test too, where another node
// stands in for the exporter.
func Example_durable() {
	exampleOf(func(t testing.TB) { // in a test: func TestSolveIsScoredOnce(t *testing.T)
		m := meshtest.Open(t,
			mesh.Config{Name: "clue-1", // Event.Export has no KeptFor: write the mesh.Export
				Exports: []mesh.Export{{Event: solved.Subject(), KeptFor: []string{"score"}}}},
			mesh.Config{Name: "score-1",
				Imports: []mesh.Import{{Event: solved.Subject(), Durable: true}},
				Handlers: []mesh.Handler{solved.Handle("score", func(ctx context.Context, s solve) error {
					return awarded.Emit(ctx, points{Team: s.Team, Points: 1})
				})}})

		ctx := mesh.WithID(m.Context("clue-1"), mesh.NewID())
		for range 2 { // who tries again under the same id makes no second event
			if err := solved.Emit(ctx, solve{Team: "otters", Clue: "try-and-eat"}); err != nil {
				t.Fatalf("emit: %v", err)
			}
		}
		m.Settle(t)

		meshtest.AssertNoneLost(t, m)
		for _, e := range meshtest.Events(t, m, "score-1", awarded) {
			fmt.Printf("%+v, and clue-1 keeps %d events\n", e.Value, m.Node("clue-1").Stats().Outbox.Readers[0].Backlog)
		}
	})
	// Output: {Team:otters Points:1}, and clue-1 keeps 0 events
}
