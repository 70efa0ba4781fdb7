package meshtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// What a durable handler fails comes again, by default eight times in two minutes. A test shortens
// that; Settle waits for the last delivery.
func Example_durableHandlerFails() {
	exampleOf(func(t testing.TB) { // in a test: func TestASolveOfNobodyIsGivenUp(t *testing.T)
		calls := 0
		m := meshtest.Open(t,
			mesh.Config{Name: "clue-1",
				Exports: []mesh.Export{{Event: solved.Subject(), KeptFor: []string{"score"}}}},
			mesh.Config{Name: "score-1",
				Imports: []mesh.Import{{Event: solved.Subject(), Durable: true,
					Redelivery: mesh.Redelivery{Tries: 3, After: time.Millisecond, Max: time.Millisecond}}},
				Handlers: []mesh.Handler{solved.Handle("score", func(_ context.Context, s solve) error {
					calls++
					return fmt.Errorf("no team is named %s", s.Team) // with mesh.Final: one call, one delivery
				}, mesh.Retry{Tries: 1})}}) // calls in each delivery

		if err := solved.Emit(m.Context("clue-1"), solve{Team: "nobody", Clue: "try-and-eat"}); err != nil {
			t.Fatalf("emit: %v", err)
		}
		m.Settle(t)

		for _, e := range meshtest.Events(t, m, "score-1", mesh.DeadLetters) {
			fmt.Printf("%s gave up after %d calls: %s\n", e.Value.Handler, calls, e.Value.Error)
		}
	})
	// Output: score gave up after 3 calls: no team is named nobody
}
