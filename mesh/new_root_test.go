package mesh_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// emitRoot emits a step as the root of a cascade of its own.
func emitRoot(e *mesh.Event[step]) func(context.Context, step) error {
	return func(ctx context.Context, s step) error { return e.Emit(mesh.NewRoot(ctx), s) }
}

// keepHeaders makes a handler's function that sends the headers it sees.
func keepHeaders(to chan<- mesh.Header) func(context.Context, step) error {
	return func(ctx context.Context, _ step) error {
		h, _ := mesh.HeaderOf(ctx)
		to <- h
		return nil
	}
}

func wantLinkedRoot(t *testing.T, h, parent mesh.Header) {
	t.Helper()
	if h.Root != h.ID || h.ID == parent.ID || h.Parent != parent.ID || h.Depth() != 0 || len(h.Path()) != 1 || h.Age() != 0 {
		t.Errorf("the header %+v with path %v is not of a root with parent %s", h, h.Path(), parent.ID)
	}
}

func TestNewRootBeginsACascadeWithALink(t *testing.T) {
	nested := func(ctx context.Context) context.Context { return mesh.NewRoot(mesh.NewRoot(ctx)) }
	for name, derive := range contexts {
		for _, fresh := range []func(context.Context) context.Context{mesh.NewRoot, nested} {
			t.Run(name, func(t *testing.T) {
				var batch mesh.Header
				headers := make(chan mesh.Header, 2)
				n := openHandlers(t,
					stepBegun.Handle("first", emitting(stepTaken)),
					stepTaken.Handle("batch", func(ctx context.Context, s step) error {
						ctx = derive(fresh(derive(ctx)))
						batch, _ = mesh.HeaderOf(ctx)
						return stepRepeated.Emit(ctx, s)
					}),
					stepRepeated.Handle("item", func(ctx context.Context, s step) error {
						return errors.Join(keepHeaders(headers)(ctx, s), stepEnded.Emit(ctx, s))
					}),
					stepEnded.Handle("end", keepHeaders(headers)))
				emitStep(t, n, stepBegun, step{Key: "a"})
				finish(t, n)
				if batch.Subject() != stepTaken.Subject() || batch.Depth() != 1 {
					t.Errorf("the context is of %s at depth %d, want the event being handled", batch.Subject(), batch.Depth())
				}
				item, child := receive(t, headers), receive(t, headers)
				wantLinkedRoot(t, item, batch)
				if child.Root != item.ID || child.Parent != item.ID || child.Depth() != 1 {
					t.Errorf("a child of the new root has %+v", child)
				}
			})
		}
	}
}

func TestNewRootOutsideOfHandlers(t *testing.T) {
	if err := stepTaken.Emit(mesh.NewRoot(t.Context()), step{}); !errors.Is(err, mesh.ErrNoNode) {
		t.Errorf("with a context of no node: %v", err)
	}
	headers := make(chan mesh.Header, 1)
	n := openHandlers(t, stepTaken.Handle("keep", keepHeaders(headers)))
	ctx := mesh.NewRoot(n.Context(t.Context()))
	if _, ok := mesh.HeaderOf(ctx); ok {
		t.Error("a context outside of handlers has a header")
	}
	if err := stepTaken.Emit(ctx, step{}); err != nil {
		t.Fatal(err)
	}
	wantLinkedRoot(t, receive(t, headers), mesh.Header{})
}

// Past every bound of its cascade a handler can still begin another, and
// nothing of that one is charged to the first.
func TestNewRootIsNotCharged(t *testing.T) {
	errs := make(chan error, 10)
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Depth: 1, Descendants: 1, Deadline: time.Minute}}, Handlers: []mesh.Handler{
		stepBegun.Handle("first", emitting(stepTaken)),
		stepTaken.Handle("batch", func(ctx context.Context, s step) error {
			for range 3 {
				errs <- stepRepeated.Emit(mesh.NewRoot(ctx), s)
			}
			errs <- stepRepeated.Emit(ctx, s)
			return nil
		}),
		stepRepeated.Handle("item", func(ctx context.Context, s step) error {
			errs <- stepEnded.Emit(ctx, s)
			return nil
		})}})
	emitStep(t, n, stepBegun, step{Key: "a"})
	finish(t, n)
	for range 3 {
		if err := receive(t, errs); err != nil {
			t.Errorf("a new root: %v", err)
		}
	}
	wantRefusal(t, receive(t, errs), "emit", "cascade-depth")
	for range 3 { // each has a budget of its own
		if err := receive(t, errs); err != nil {
			t.Errorf("a descendant of a new root: %v", err)
		}
	}
}

func TestNewRootHasADeadlineOfItsOwn(t *testing.T) {
	errs := make(chan error, 2)
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Root: stepTaken.Subject(), Deadline: time.Nanosecond}}, Handlers: []mesh.Handler{
		stepTaken.Handle("late", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			for time.Since(h.Root.Time()) < 2*time.Millisecond { // the id has milliseconds
				<-time.After(time.Millisecond)
			}
			errs <- stepRepeated.Emit(ctx, s)
			errs <- stepRepeated.Emit(mesh.NewRoot(ctx), s)
			return nil
		})}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	wantRefusal(t, receive(t, errs), "emit", "cascade-deadline")
	if err := receive(t, errs); err != nil {
		t.Errorf("a new root past the deadline: %v", err)
	}
}

// A new root takes effect with its handler: when it returns nil, after what was
// emitted before, or never.
func TestNewRootsTakeEffectWhenTheHandlerReturns(t *testing.T) {
	var got []int
	tries := 0
	n := openHandlers(t,
		stepTaken.Handle("batch", func(ctx context.Context, s step) error {
			for i := range 4 {
				emitWith := []context.Context{ctx, mesh.NewRoot(ctx)}[i%2]
				if err := stepRepeated.Emit(emitWith, step{"a", i}); err != nil {
					return err
				}
			}
			if tries++; tries < 3 {
				return errBroken
			}
			return nil
		}, soon(3)),
		stepRepeated.Handle("item", func(_ context.Context, s step) error {
			got = append(got, s.N)
			return nil
		}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	if !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("handled %v", got)
	}
	wantEdges(t, n.Graph(), "taken > repeated by core/batch 4/1")
}

func TestNewRootAfterTheHandlerReturned(t *testing.T) {
	kept := make(chan context.Context, 2)
	n := openCore(t, mesh.Config{Limits: coalescing(time.Hour, 0), Handlers: []mesh.Handler{
		stepRepeated.Handle("keep", func(ctx context.Context, _ step) error {
			kept <- ctx
			kept <- mesh.NewRoot(ctx)
			return nil
		})}})
	emitStep(t, n, stepRepeated, step{})
	before, after := receive(t, kept), receive(t, kept)
	waitUntil(t, "the handler has returned", func() bool { return n.Stats().Waiting == 0 })
	for _, ctx := range []context.Context{mesh.NewRoot(before), after} {
		if _, ok := mesh.HeaderOf(ctx); ok {
			t.Error("the context has a header")
		}
		if err := stepEnded.Emit(ctx, step{}); !errors.Is(err, mesh.ErrHandlerReturned) {
			t.Errorf("Emit: %v, want ErrHandlerReturned", err)
		}
	}
}

// A new root never waits for a queue, as nothing does that a handler emits: the
// handler that has to make room may be its own.
func TestNewRootNeverWaitsForAQueue(t *testing.T) {
	const items = 60 // the queue has room for 64
	n := openHandlers(t, stepTaken.Handle("again", func(ctx context.Context, s step) error {
		for range s.N {
			if err := stepTaken.Emit(mesh.NewRoot(ctx), step{}); err != nil {
				return err
			}
		}
		return nil
	}, mesh.Queue(1), soon(1)))
	emitStep(t, n, stepTaken, step{N: items})
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler again", "", 1+items)
}

func TestLimitsByRootStopANewRoot(t *testing.T) {
	errs := make(chan error, 4)
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Event: stepRepeated.Subject(), By: mesh.ByRoot, Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1}}},
		Handlers: []mesh.Handler{stepTaken.Handle("batch", func(ctx context.Context, s step) error {
			errs <- stepRepeated.Emit(ctx, s) // of the cascade of stepTaken: never stopped
			errs <- stepRepeated.Emit(ctx, s)
			errs <- stepRepeated.Emit(mesh.NewRoot(ctx), s)
			errs <- stepRepeated.Emit(mesh.NewRoot(ctx), s)
			return nil
		})}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	for range 3 {
		if err := receive(t, errs); err != nil {
			t.Error(err)
		}
	}
	wantRefusal(t, receive(t, errs), "emit", "emit-limit")
}

// What a handler emits while the node closes is finished, new roots too, also if
// a rule makes them wait.
func TestNewRootsWaitWhileTheNodeCloses(t *testing.T) {
	running, closing := make(chan struct{}), make(chan struct{})
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Event: stepRepeated.Subject(), Limit: mesh.Limit{Rate: mesh.Per(100, time.Second), Burst: 1, Policy: mesh.Wait}}},
		Handlers: []mesh.Handler{
			stepTaken.Handle("batch", func(ctx context.Context, s step) error {
				close(running)
				<-closing
				return errors.Join(emitRoot(stepRepeated)(ctx, s), emitRoot(stepRepeated)(ctx, s))
			}, soon(1)),
			stepRepeated.Handle("item", func(context.Context, step) error { return nil })}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, running)
	closed := make(chan error, 1)
	go func() { closed <- closeWithin(n, waitLimit) }()
	waitUntil(t, "the node is closing", func() bool {
		return errors.Is(stepEnded.Emit(n.Context(t.Context()), step{}), mesh.ErrClosed)
	})
	close(closing)
	if err := receive(t, closed); err != nil {
		t.Error(err)
	}
	wantCount(t, n, stepRepeated.Subject(), stats.Handled, "handler item", "", 2)
}

func TestACoalescedNewRoot(t *testing.T) {
	headers := make(chan mesh.Header, 10)
	var batch mesh.Header
	n := openCore(t, mesh.Config{Limits: coalescing(time.Hour, 0), Handlers: []mesh.Handler{
		stepRepeated.Handle("batch", func(ctx context.Context, s step) error {
			batch, _ = mesh.HeaderOf(ctx)
			return errors.Join(emitRoot(stepTaken)(ctx, s), emitRoot(stepTaken)(ctx, s), emitRoot(stepTaken)(ctx, s))
		}),
		stepTaken.Handle("keep", keepHeaders(headers))}})
	emitStep(t, n, stepRepeated, step{Key: "a"})
	waitUntil(t, "the batch is handled", func() bool { return n.Stats().Of(stepRepeated.Subject(), stats.Handled) == 1 })
	finish(t, n)
	for range 2 { // the first and the newest
		wantLinkedRoot(t, receive(t, headers), batch)
	}
	wantEdges(t, n.Graph(), "repeated > taken by core/batch 2/1")
}

// The guard does not see a loop through NewRoot, however long it goes on; the
// graph does.
func TestALoopThroughNewRootIsInTheGraph(t *testing.T) {
	const rounds = 40 // the test ends what nothing else would
	n := openHandlers(t,
		stepTaken.Handle("there", func(ctx context.Context, s step) error {
			if s.N == rounds {
				return nil
			}
			return stepRepeated.Emit(mesh.NewRoot(ctx), step{s.Key, s.N + 1})
		}),
		stepRepeated.Handle("back", emitting(stepTaken)))
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	g := n.Graph()
	wantEdges(t, g, "repeated > taken by core/back 40/40", "taken > repeated by core/there 40/41")
	if len(g.Cycles) != 1 || g.Cycles[0].Gain != 40./41 {
		t.Errorf("cycles %+v", g.Cycles)
	}
}

func TestACycleThroughNewRootIsTold(t *testing.T) {
	box, alarms := alarmBox()
	told := make(chan struct{})
	defer close(told)
	n := openHandlers(t, box, stepTaken.Handle("twice", func(ctx context.Context, s step) error {
		if s.N == 6 { // the test ends what nothing else would
			<-told
			return nil
		}
		s.N++
		return errors.Join(emitRoot(stepTaken)(ctx, s), emitRoot(stepTaken)(ctx, s))
	}, mesh.Queue(4096))) // room for all
	for range 20 {
		emitStep(t, n, stepTaken, step{})
	}
	a := receive(t, alarms)
	if a.Kind != "gain" || !slices.Equal(a.Types, []string{stepTaken.Subject()}) || a.Value <= 1 || a.Value > 2 {
		t.Errorf("alarm %+v", a)
	}
}

// Over a link a new root is a root, and has its parent.
func TestNewRootCrossesTheLink(t *testing.T) {
	batch, headers := make(chan mesh.Header, 1), make(chan mesh.Header, 1)
	clue := clueNode("clue-1")
	clue.Handlers = []mesh.Handler{clueOpened.Handle("batch", func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		batch <- h
		return clueSolved.Emit(mesh.NewRoot(ctx), s)
	})}
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return nil
	})
	// A guard that took what has a parent for a descendant would refuse it.
	score.Cascades = []mesh.Cascade{{Deadline: time.Nanosecond}}
	nodes := openAll(t, clue, score)
	emit(t, nodes[0], clueOpened, solved{Team: "a"})
	h := receive(t, headers)
	wantLinkedRoot(t, h, receive(t, batch))
	if got := strings.Join(h.Path(), " "); got != "clue-1:clue.clue.solved" {
		t.Errorf("path %s", got)
	}
	if n := nodes[1].Stats().Of(clueSolved.Subject(), stats.Refused); n != 0 {
		t.Errorf("%d refused", n)
	}
}
