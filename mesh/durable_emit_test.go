package mesh_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
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
	await(t, "one that waits", func() bool { return n.Stats().Of("clue.clue.solved", stats.Delayed) == 1 })
	finish(t, n)
	if err := <-emitted; !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("error %v", err)
	}
}

// What was refused is told in the order of the values, also where the gate refuses one
// while the outbox has not answered yet to one before it.
func TestDurableEmitAllTellsInOrder(t *testing.T) {
	clue := durableClue(t, func(c *mesh.Config) { c.Outbox.MaxEvents = 1 })
	n := openAll(t, clue)[0]
	bad := solved{Team: "\xff"} // no key
	err := clueSolved.EmitAll(n.Context(t.Context()), []solved{{}, {}, bad, {}, bad})
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v", err)
	}
	var told []int
	for _, e := range all.Unwrap() {
		var one *mesh.ValueError
		if !errors.As(e, &one) {
			t.Fatalf("error %v", e)
		}
		told = append(told, one.Index)
	}
	if !slices.Equal(told, []int{1, 2, 3, 4}) {
		t.Errorf("told of %v", told)
	}
}
