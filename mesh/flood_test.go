package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// A flood by a type or a key at ten times its limit, beside others that stay
// within theirs: exactly what is over the limit is refused, under the rule's
// name, and every event of the others is admitted and handled.
func TestAFloodIsRefusedAndNothingElse(t *testing.T) {
	const limit, others, times = 100, 8, 10
	for _, test := range []struct {
		by    mesh.By
		event string
		quiet *mesh.Event[step]
	}{
		{mesh.ByType, "core.step.taken", stepRepeated},
		{mesh.ByKey, "core.step.>", stepTaken},
	} {
		t.Run(string(test.by), func(t *testing.T) {
			n := openCore(t, mesh.Config{
				Limits:   []mesh.Rule{{Name: "flood", Event: test.event, By: test.by, Limit: slowly(limit)}},
				Handlers: []mesh.Handler{stepTaken.Handle("take", nothing), stepRepeated.Handle("repeat", nothing)}})
			var all sync.WaitGroup
			emitAll := func(e *mesh.Event[step], key string, count, want int) {
				all.Go(func() {
					if got := emitBeside(n, e, key, count); got != want {
						t.Errorf("%s, key %s: %d of %d admitted, want %d", e.Subject(), key, got, count, want)
					}
				})
			}
			emitAll(stepTaken, "noisy", times*limit, limit)
			for i := range others {
				emitAll(test.quiet, fmt.Sprint("quiet-", i), limit, limit)
			}
			all.Wait()
			finish(t, n)
			wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "flood", (times-1)*limit)
			s := n.Stats()
			if handled := s.Total(stats.Handled); handled != (others+1)*limit || s.Total(stats.Refused) != (times-1)*limit || s.Total(stats.Shed)+s.Total(stats.Lost) != 0 {
				t.Errorf("%d handled, want %d; counts %+v", handled, (others+1)*limit, s.Counts)
			}
		})
	}
}

// emitBeside gives how many events were admitted; what is refused must be by
// the flood's rule.
func emitBeside(n *mesh.Node, e *mesh.Event[step], key string, count int) (admitted int) {
	for i := range count {
		var refused mesh.RefusedError
		switch err := e.Emit(n.Context(context.Background()), step{key, i}); {
		case err == nil:
			admitted++
		case !errors.As(err, &refused) || refused.Rule != "flood":
			return -1
		}
	}
	return admitted
}

// A peer at ten times what a node takes of one peer: exactly what is over is
// shed, where it comes from, and every event of the other peer is handled.
func TestAPeersFloodIsShedAtItsOrigin(t *testing.T) {
	const limit, times = 100, 10
	var mu sync.Mutex
	handled := map[string]int{}
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		mu.Lock()
		defer mu.Unlock()
		handled[h.Origin()]++
		return nil
	})
	rule := slowly(limit)
	rule.Policy = mesh.Shed
	score.Limits = []mesh.Rule{{Name: "flood", Place: mesh.AtImport, Event: "clue.>", By: mesh.ByPeer, Limit: rule}}
	nodes := openAll(t, clueNode("clue-1"), clueNode("clue-2"), score)
	var all sync.WaitGroup
	for i, count := range []int{times * limit, limit} {
		all.Go(func() {
			for j := range count {
				if err := clueSolved.Emit(nodes[i].Context(context.Background()), solved{Team: fmt.Sprint(j)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	await(t, "every event judged", func() bool {
		shed := nodes[0].Stats().Total(stats.Shed) + nodes[1].Stats().Total(stats.Shed) + nodes[2].Stats().Total(stats.Shed)
		return nodes[2].Stats().Total(stats.Handled)+shed == (times+1)*limit
	})
	wantCount(t, nodes[0], clueSolved.Subject(), stats.Shed, "export", "reader-limit", (times-1)*limit)
	wantCount(t, nodes[2], clueSolved.Subject(), stats.Imported, "", "", 2*limit)
	mu.Lock()
	defer mu.Unlock()
	if handled["clue-1"] != limit || handled["clue-2"] != limit {
		t.Errorf("handled %v, want %d of each", handled, limit)
	}
}
