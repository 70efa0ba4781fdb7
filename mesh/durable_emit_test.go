package mesh_test

import (
	"context"
	"errors"
	"testing"

	"leafmesh/mesh"
)

// What a batch has taken waits for no rule that stops what comes after it.
func TestDurableEmitAllWaitsWithNothingInHand(t *testing.T) {
	var local seen
	limit := slowly(1)
	limit.Policy = mesh.Wait
	clue := durableClue(t, func(c *mesh.Config) {
		c.Handlers = append(c.Handlers, clueSolved.Handle("local", local.add))
		c.Limits = []mesh.Rule{{Event: "clue.>", Limit: limit}}
	})
	n := openAll(t, clue)[0]
	ctx, cancel := context.WithCancel(n.Context(t.Context()))
	defer cancel()
	emitted := make(chan error, 1)
	go func() { emitted <- clueSolved.EmitAll(ctx, make([]solved, 2)) }()
	await(t, "the first", func() bool { return local.count() == 1 })
	cancel()
	var second *mesh.ValueError
	if err := <-emitted; !errors.As(err, &second) || second.Index != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Emit of a durable export that waits for the rule of the export does not outlast the node.
func TestDurableEmitThatWaitsEndsWithTheNode(t *testing.T) {
	clue := durableClue(t)
	clue.Exports[0].Limit = slowly(1)
	clue.Exports[0].Limit.Policy = mesh.Wait
	n := openAll(t, clue)[0]
	emit(t, n, clueSolved, solved{})
	emitted := make(chan error, 1)
	go func() { emitted <- clueSolved.Emit(n.Context(context.Background()), solved{}) }()
	await(t, "one that waits", func() bool { return n.Stats().Of("clue.clue.solved", mesh.Delayed) == 1 })
	finish(t, n)
	if err := <-emitted; !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
