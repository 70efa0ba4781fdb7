package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// hardCap is how many events a queue of capacity 1 holds at most.
const hardCap = 64

func TestRootWaitsForAPlaceUntilItsContextEnds(t *testing.T) {
	gate := make(chan struct{})
	handler, begun := gatedHandler("slow", stepTaken, gate, mesh.Queue(1))
	n := openHandlers(t, handler)
	emitStep(t, n, stepTaken, step{"a", 1})
	receive(t, begun) // it has the only place

	gone := errors.New("the caller went away")
	ctx, end := context.WithCancelCause(t.Context())
	refused := make(chan error)
	go func() { refused <- stepTaken.Emit(n.Context(ctx), step{"a", 2}) }()
	end(gone)
	err := receive(t, refused)
	wantRefusal(t, err, "handler slow", "queue-full")
	if !errors.Is(err, gone) {
		t.Errorf("%v does not say why the wait ended", err)
	}
	late, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := stepTaken.Emit(n.Context(late), step{"a", 3}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Refused, "handler slow", "queue-full", 2)

	admitted := make(chan error)
	go func() { admitted <- stepTaken.Emit(n.Context(t.Context()), step{"a", 4}) }()
	close(gate)
	if err := receive(t, admitted); err != nil {
		t.Errorf("with a place free: %v", err)
	}
	if s := receive(t, begun); s.N != 4 {
		t.Errorf("the handler got %+v, want the event after the refused ones", s)
	}
}

func TestShedDropsAndCountsAndHoldsNobodyUp(t *testing.T) {
	gate := make(chan struct{})
	shedding, begun := gatedHandler("shedding", stepTaken, gate, mesh.Queue(1), mesh.ShedWhenFull())
	var handled atomic.Int64
	n := openHandlers(t, shedding, stepTaken.Handle("other", func(context.Context, step) error {
		handled.Add(1)
		return nil
	}))
	emitStep(t, n, stepTaken, step{"a", 1})
	receive(t, begun)
	for i := range 10 {
		emitStep(t, n, stepTaken, step{"a", i + 2})
	}
	close(gate)
	finish(t, n)
	if handled.Load() != 11 {
		t.Errorf("the other handler got %d events, want 11", handled.Load())
	}
	wantCount(t, n, stepTaken.Subject(), stats.Shed, "handler shedding", "queue-full", 10)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler shedding", "", 1)
	wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", 11)
}

// The places of events that were handled are free while the next one runs.
func TestAHandledEventFreesItsPlace(t *testing.T) {
	begun, next := make(chan step, 10), make(chan struct{})
	n := openHandlers(t, stepTaken.Handle("shedding", func(ctx context.Context, s step) error {
		begun <- s
		select {
		case <-next:
		case <-ctx.Done():
		}
		return nil
	}, mesh.Queue(3), mesh.ShedWhenFull()))
	defer close(next)
	emitStep(t, n, stepTaken, step{"a", 1})
	receive(t, begun)
	emitStep(t, n, stepTaken, step{"a", 2}) // these two wait, and are taken
	emitStep(t, n, stepTaken, step{"a", 3}) // from the queue together
	next <- struct{}{}
	receive(t, begun)
	next <- struct{}{}
	receive(t, begun) // 1 and 2 were handled, 3 runs: two places of three are free
	emitStep(t, n, stepTaken, step{"a", 4})
	emitStep(t, n, stepTaken, step{"a", 5})
	wantCount(t, n, stepTaken.Subject(), stats.Shed, "handler shedding", "", 0)
	if waiting := n.Stats().Waiting; waiting != 3 {
		t.Errorf("%d events wait or are handled, want 3", waiting)
	}
}

// loops makes two handlers that answer each other's events, and count.
func loops(start <-chan struct{}, handled *atomic.Int64) []mesh.Handler {
	answer := func(with *mesh.Event[step]) func(context.Context, step) error {
		return func(ctx context.Context, s step) error {
			<-start
			handled.Add(1)
			err := with.Emit(ctx, step{s.Key, s.N + 1})
			if errors.Is(err, mesh.ErrRefused) {
				return nil // a path of 32 steps or a queue at its hard cap: this cascade ends
			}
			return err
		}
	}
	return []mesh.Handler{
		stepTaken.Handle("repeat", answer(stepRepeated), mesh.Queue(2)),
		stepRepeated.Handle("take", answer(stepTaken), mesh.Queue(2)),
	}
}

// Both queues of a cycle are full and emitters wait at both: if an emit inside a
// handler waited for a place, neither handler could ever go on.
func TestACycleOfHandlersWithFullQueuesDoesNotDeadlock(t *testing.T) {
	const roots = 40 // at each of the two
	start := make(chan struct{})
	var handled atomic.Int64
	n := openHandlers(t, loops(start, &handled)...)
	var emitters sync.WaitGroup
	for i := range roots {
		for _, e := range []*mesh.Event[step]{stepTaken, stepRepeated} {
			emitters.Go(func() { emitStep(t, n, e, step{Key: fmt.Sprint(i)}) })
		}
	}
	waitUntil(t, "both queues are full", func() bool { return n.Stats().Waiting == 4 })
	close(start)
	emitters.Wait()
	finish(t, n)
	seen := n.Stats()
	if got := seen.Total(stats.Handled); got != uint64(handled.Load()) || got != seen.Total(stats.Admitted) {
		t.Errorf("%d events handled, %d calls, %d admitted; want the same", got, handled.Load(), seen.Total(stats.Admitted))
	}
	if refused := seen.Total(stats.Refused); refused != 2*roots {
		t.Errorf("%d refusals, want one at the end of each of %d cascades", refused, 2*roots)
	}
	if failed := seen.Total(stats.Failed) + seen.Total(stats.Lost); failed != 0 {
		t.Errorf("%d events failed or were lost", failed)
	}
}

// bursting makes a handler that emits n events in one call and gives the errors.
func bursting(n int) (mesh.Handler, <-chan []error) {
	results := make(chan []error, 10)
	return stepTaken.Handle("burst", func(ctx context.Context, s step) error {
		var errs []error
		for i := range n {
			errs = append(errs, stepRepeated.Emit(ctx, step{s.Key, i}))
		}
		results <- errs
		return nil
	}), results
}

func TestAHandlerMayOverfillAQueueUpToTheHardCap(t *testing.T) {
	gate := make(chan struct{})
	burst, results := bursting(hardCap + 6)
	sink, begun := gatedHandler("sink", stepRepeated, gate, mesh.Queue(1))
	n := openHandlers(t, burst, sink)
	emitStep(t, n, stepTaken, step{Key: "a"})
	for i, err := range receive(t, results) {
		if i < hardCap {
			if err != nil {
				t.Errorf("event %d of %d: %v", i, hardCap, err)
			}
			continue
		}
		wantRefusal(t, err, "handler sink", "queue-full")
	}
	close(gate)
	finish(t, n)
	for i := range hardCap {
		if s := receive(t, begun); s.N != i {
			t.Fatalf("event %d came in place of %d", s.N, i)
		}
	}
	wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", hardCap)
	wantCount(t, n, stepRepeated.Subject(), stats.Refused, "handler sink", "queue-full", 6)
}

// An event that one handler has no place for reaches no handler, and the places
// it had at the others are free again.
func TestAnEventReachesAllHandlersOrNone(t *testing.T) {
	for name, tightFirst := range map[string]bool{"the full one is asked first": true, "the full one is asked last": false} {
		t.Run("root, "+name, func(t *testing.T) {
			gate := make(chan struct{})
			tight, begun := gatedHandler("tight", stepTaken, gate, mesh.Queue(1))
			n, got := openWithRoomy(t, stepTaken, tightFirst, tight)
			emitStep(t, n, stepTaken, step{"a", 1})
			receive(t, begun)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			err := stepTaken.Emit(n.Context(ctx), step{"a", 2})
			wantRefusal(t, err, "handler tight", "queue-full")
			close(gate)
			waitUntil(t, "all places are free", func() bool { return n.Stats().Waiting == 0 })
			emitStep(t, n, stepTaken, step{"a", 3})
			finish(t, n)
			if want := []int{1, 3}; !slices.Equal(*got, want) {
				t.Errorf("the other handler got %v, want %v", *got, want)
			}
		})
		t.Run("inside, "+name, func(t *testing.T) {
			gate := make(chan struct{})
			burst, results := bursting(hardCap + 6)
			tight, _ := gatedHandler("tight", stepRepeated, gate, mesh.Queue(1))
			n, got := openWithRoomy(t, stepRepeated, tightFirst, tight, burst)
			emitStep(t, n, stepTaken, step{Key: "a"})
			for _, err := range receive(t, results)[hardCap:] {
				wantRefusal(t, err, "handler tight", "queue-full")
			}
			close(gate)
			finish(t, n)
			if len(*got) != hardCap {
				t.Errorf("the other handler got %d events, want %d", len(*got), hardCap)
			}
			if waiting := n.Stats().Waiting; waiting != 0 {
				t.Errorf("%d places are still taken", waiting)
			}
		})
	}
}

// openWithRoomy opens a node with a handler that has room for everything before
// or after the others. What it got may be read once the node is closed.
func openWithRoomy(t *testing.T, e *mesh.Event[step], last bool, others ...mesh.Handler) (*mesh.Node, *[]int) {
	t.Helper()
	got := &[]int{}
	roomy := e.Handle("roomy", func(_ context.Context, s step) error {
		*got = append(*got, s.N)
		return nil
	})
	if last {
		return openHandlers(t, append(others, roomy)...), got
	}
	return openHandlers(t, append([]mesh.Handler{roomy}, others...)...), got
}

// Emitters that each need places at the same two handlers do not wait for each
// other in a circle.
func TestConcurrentRootsForTwoFullQueuesDoNotDeadlock(t *testing.T) {
	const emitters, each = 8, 100
	var a, b atomic.Int64
	count := func(n *atomic.Int64) func(context.Context, step) error {
		return func(context.Context, step) error { n.Add(1); return nil }
	}
	n := openHandlers(t,
		stepTaken.Handle("a", count(&a), mesh.Queue(1)),
		mesh.HandleAll("core.step.*", "b", func(context.Context, mesh.Any) error { b.Add(1); return nil }, mesh.Queue(1)),
		stepRepeated.Handle("c", count(&a), mesh.Queue(1)))
	var work sync.WaitGroup
	for i := range emitters {
		e := []*mesh.Event[step]{stepTaken, stepRepeated}[i%2]
		work.Go(func() {
			for j := range each {
				emitStep(t, n, e, step{fmt.Sprint(i), j})
			}
		})
	}
	work.Wait()
	finish(t, n)
	if a.Load() != emitters*each || b.Load() != emitters*each {
		t.Errorf("%d and %d events handled, want %d each", a.Load(), b.Load(), emitters*each)
	}
}

// Who waits for one queue holds no place in another: a handler that is idle
// handles, however slow the other handlers of its events are.
func TestWaitingForOneQueueHoldsNoPlaceInAnother(t *testing.T) {
	begun, ready := make(chan struct{}, 1), make(chan struct{})
	fast := mesh.HandleAll("core.step.*", "fast", func(context.Context, mesh.Any) error { return nil }, mesh.Queue(1))
	var n *mesh.Node
	open := make(chan struct{})
	slow := stepTaken.Handle("slow", func(_ context.Context, s step) error {
		<-open
		begun <- struct{}{}
		<-ready
		// A root event: it waits for a place at the fast handler.
		return stepRepeated.Emit(n.Context(context.Background()), s)
	}, mesh.Queue(1), soon(1))
	n = openHandlers(t, fast, slow)
	close(open)
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, begun)
	waiting := make(chan error, 1)
	go func() { waiting <- stepTaken.Emit(n.Context(context.Background()), step{Key: "b"}) }()
	waitUntil(t, "the other emitter to wait", func() bool { return n.Stats().Waiting >= 1 })
	emitStep(t, n, stepRepeated, step{Key: "c"}) // the fast handler has room
	close(ready)
	receive(t, begun)
	if err := receive(t, waiting); err != nil {
		t.Error(err)
	}
	finish(t, n)
}
