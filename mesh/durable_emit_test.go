package mesh_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

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

// A context that has ended stores nothing: not for peers, nor for this node.
func TestDurableEmitWithAnEndedContext(t *testing.T) {
	var local, remote seen
	clue := durableClue(t, func(c *mesh.Config) { c.Handlers = append(c.Handlers, clueSolved.Handle("local", local.add)) })
	nodes := openAll(t, clue, durableScore(t, remote.add))
	ended, cancel := context.WithCancel(nodes[0].Context(t.Context()))
	cancel()
	for i := range 100 {
		if err := clueSolved.Emit(ended, solved{At: int64(i)}); !errors.Is(err, context.Canceled) || !errors.Is(err, mesh.ErrRefused) {
			t.Fatalf("error %v", err)
		}
	}
	emit(t, nodes[0], clueSolved, solved{At: 100})
	await(t, "the one", func() bool { return remote.count() == 1 && local.count() == 1 })
	if s := nodes[0].Stats(); s.Of(clueSolved.Subject(), stats.Stored) != 1 || s.Of(clueSolved.Subject(), stats.Refused) != 100 {
		t.Errorf("counts %v", s.Counts)
	}
}

// A context that ends while the outbox works does not make Emit forget what became of the event.
func TestDurableEmitWaitsForTheAnswer(t *testing.T) {
	var remote seen
	nodes := openAll(t, durableClue(t), durableScore(t, remote.add))
	const events = 500
	failed := 0
	for i := range events {
		limit := time.Microsecond << (i % 20) // up to half a second: however fast the machine is, some end in time
		ctx, cancel := context.WithTimeout(nodes[0].Context(t.Context()), limit)
		if clueSolved.Emit(ctx, solved{At: int64(i)}) != nil {
			failed++
		}
		cancel()
	}
	emit(t, nodes[0], clueSolved, solved{At: events})
	await(t, "all that Emit returned nil for, and no other", func() bool { return remote.count() == events-failed+1 })
	if failed == 0 || failed == events {
		t.Errorf("%d of %d failed: the test shows nothing", failed, events)
	}
}

// What is emitted again under its id is stored once.
func TestDurableEmitAgainUnderAnID(t *testing.T) {
	var remote seen
	nodes := openAll(t, durableClue(t), durableScore(t, remote.add))
	id := mesh.NewID()
	ctx := mesh.WithID(nodes[0].Context(t.Context()), id)
	for range 3 {
		if err := clueSolved.Emit(ctx, solved{Team: "owls", At: 1}); err != nil {
			t.Fatal(err)
		}
	}
	emit(t, nodes[0], clueSolved, solved{At: 2})
	await(t, "both", func() bool { return remote.count() == 2 })
	if all := remote.all(); all[0].At+all[1].At != 3 { // of two keys, in any order
		t.Errorf("got %v", all)
	}
}
