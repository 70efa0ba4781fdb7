package mesh_test

import (
	"context"
	"errors"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// pair is clue-1 and score-1 as two processes would be: clue can be closed and
// opened again at the same address.
func pair(t *testing.T, c, s mesh.Config) (clue, score *mesh.Node, again func(data string) *mesh.Node) {
	t.Helper()
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	c.Listen, c.Seed, c.Peers = meshtest.FreeAddress(t), mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	open := func(c mesh.Config) *mesh.Node {
		t.Helper()
		n, err := mesh.Open(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(within(t)); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	clue = open(c)
	s.Seed, s.Peers = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + c.Listen, Key: clueKey}}
	score = open(s)
	if err := score.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return clue, score, func(data string) *mesh.Node {
		t.Helper()
		c.Data = mesh.Path(data)
		return open(c)
	}
}

// An outbox that was wiped begins its numbers anew. What is under way from the old
// one is not taken for what the new one hands out, whose number may be the same.
func TestDurableWipedWhileUnderWay(t *testing.T) {
	tests := map[string]struct {
		err     error // of the handler, for the event of the old outbox
		letters int
	}{
		"handled": {nil, 0},
		"failed":  {errors.New("too late to come again"), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got seen
			gate := make(chan struct{})
			score := durableScore(t, func(ctx context.Context, e solved) error {
				if e.At > 0 {
					return got.add(ctx, e)
				}
				<-gate
				return errors.Join(got.add(ctx, e), test.err)
			})
			clue, node, again := pair(t, durableClue(t), score)
			if err := clueSolved.Emit(clue.Context(t.Context()), solved{"owls", "a", 0}); err != nil {
				t.Fatal(err)
			}
			underWay := func(n *mesh.Node) func() bool {
				return func() bool { return n.Stats().Outbox.Readers[0].UnderWay == 1 }
			}
			await(t, "the old event", underWay(clue))
			if err := clue.Close(within(t)); err != nil {
				t.Fatal(err)
			}
			clue = again(t.TempDir())
			if err := clueSolved.Emit(clue.Context(t.Context()), solved{"owls", "a", 1}); err != nil {
				t.Fatal(err)
			}
			await(t, "the new event", underWay(clue))
			close(gate)
			await(t, "both", func() bool { return got.count() == 2 })
			await(t, "the letters", func() bool { return node.Stats().Letters.Count == test.letters })
			await(t, "an empty backlog", func() bool { return clue.Stats().Outbox.Readers[0].Backlog == 0 })
			if n := node.Stats().Of("clue.clue.solved", stats.Acknowledged); n != 1 {
				t.Errorf("%d acknowledged, want 1: the old outbox is gone", n)
			}
		})
	}
}
