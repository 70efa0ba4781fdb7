package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

func TestCloseFinishesWhatIsQueuedAndWhatItCauses(t *testing.T) {
	const events = 50
	gate := make(chan struct{})
	n := openHandlers(t,
		stepTaken.Handle("first", func(ctx context.Context, s step) error {
			<-gate
			return stepRepeated.Emit(ctx, s)
		}, soon(1)),
		stepRepeated.Handle("second", func(ctx context.Context, s step) error {
			if s.N%2 == 0 {
				return errBroken // the letter is caused too
			}
			return nil
		}, soon(2)),
		mesh.DeadLetters.Handle("third", func(context.Context, mesh.DeadLetter) error { return nil }))
	for i := range events {
		emitStep(t, n, stepTaken, step{"a", i})
	}
	closed := make(chan error, 1)
	go func() { closed <- n.Close(t.Context()) }()
	awaitClosing(t, n)
	close(gate)
	if err := receive(t, closed); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		event   stats.Outcome
		subject string
		place   string
		want    uint64
	}{
		{stats.Handled, stepTaken.Subject(), "handler first", events},
		{stats.Handled, stepRepeated.Subject(), "handler second", events / 2},
		{stats.Failed, stepRepeated.Subject(), "handler second", events / 2},
		{stats.Handled, mesh.DeadLetters.Subject(), "handler third", events / 2},
	} {
		wantCount(t, n, c.subject, c.event, c.place, "", c.want)
	}
	if s := n.Stats(); s.Waiting != 0 || s.Total(stats.Lost) != 0 {
		t.Errorf("%d events wait, %d are lost; want none", s.Waiting, s.Total(stats.Lost))
	}
}

// awaitClosing waits until a node refuses root events, by emitting a type that
// nobody handles.
func awaitClosing(t *testing.T, n *mesh.Node) {
	t.Helper()
	ignored := mesh.NewEvent[step]("core.step.ignored")
	waitUntil(t, "the node refuses root events", func() bool {
		return errors.Is(ignored.Emit(n.Context(t.Context()), step{}), mesh.ErrClosed)
	})
}

func TestAClosedNodeRefusesRootEvents(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("count", func(context.Context, step) error { return nil }))
	finish(t, n)
	if err := stepTaken.Emit(n.Context(t.Context()), step{}); !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("Emit: %v, want ErrClosed", err)
	}
	if handled := n.Stats().Total(stats.Admitted); handled != 0 {
		t.Errorf("%d events admitted", handled)
	}
}

// Those that wait for a place when the node closes get in or get ErrClosed; none
// is left waiting, and who was admitted is handled.
func TestCloseLetsNoEmitterWait(t *testing.T) {
	const emitters = 20
	gate := make(chan struct{})
	handler, begun := gatedHandler("slow", stepTaken, gate, mesh.Queue(1))
	n := openHandlers(t, handler)
	emitStep(t, n, stepTaken, step{"a", 0})
	receive(t, begun)
	results := make(chan error, emitters)
	for i := range emitters {
		go func() { results <- stepTaken.Emit(n.Context(t.Context()), step{"a", i}) }()
	}
	closed := make(chan error, 1)
	go func() { closed <- n.Close(t.Context()) }()
	awaitClosing(t, n)
	close(gate)
	admitted := uint64(1)
	for range emitters {
		switch err := receive(t, results); {
		case err == nil:
			admitted++
		case !errors.Is(err, mesh.ErrClosed):
			t.Errorf("Emit: %v", err)
		}
	}
	if err := receive(t, closed); err != nil {
		t.Fatal(err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler slow", "", admitted)
}

func TestCloseCountsAsLostWhatItCanNotWaitFor(t *testing.T) {
	const events = 10
	before := goleak.IgnoreCurrent()
	handler, begun := gatedHandler("slow", stepTaken, nil) // until its context ends
	n := openHandlers(t, handler)
	for i := range events {
		emitStep(t, n, stepTaken, step{"a", i})
	}
	receive(t, begun)
	err := closeWithin(n, time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "10 events were still queued or being handled") {
		t.Errorf("Close: %v", err)
	}
	if strings.Contains(err.Error(), "flush") || strings.Contains(err.Error(), "still stopping") {
		t.Errorf("Close gave the rest up with the handlers: %v", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler slow", "", 1)
	wantCount(t, n, stepTaken.Subject(), stats.Lost, "handler slow", "closed", events-1)
	if waiting := n.Stats().Waiting; waiting != 0 {
		t.Errorf("%d events still wait", waiting)
	}
}

// A handler that waits for its next try is not waited for, however long that is.
func TestCloseEndsTheWaitBetweenTries(t *testing.T) {
	tried := make(chan struct{}, 1)
	n := openHandlers(t, stepTaken.Handle("patient", func(context.Context, step) error {
		tried <- struct{}{}
		return errBroken
	}, mesh.Retry{Tries: 2, FirstPause: time.Hour, LongestPause: time.Hour}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, tried)
	if err := closeWithin(n, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Lost, "handler patient", "closed", 1)
}

// A handler that ignores its context is named. Only its own goroutine outlives
// Close, and that ends when the handler returns.
func TestCloseNamesAStuckHandler(t *testing.T) {
	before := goleak.IgnoreCurrent()
	release := make(chan struct{})
	begun := make(chan struct{})
	n := openHandlers(t,
		stepRepeated.Handle("idle before", func(context.Context, step) error { return nil }),
		stepTaken.Handle("stuck", func(context.Context, step) error {
			close(begun)
			<-release
			return nil
		}),
		stepRepeated.Handle("idle after", func(context.Context, step) error { return nil }, mesh.Workers(3)))
	emitStep(t, n, stepTaken, step{Key: "a"})
	emitStep(t, n, stepTaken, step{Key: "b"}) // waits behind it
	receive(t, begun)
	err := closeWithin(n, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "handler stuck") || strings.Contains(err.Error(), "idle") {
		t.Errorf("Close: %v", err)
	}
	close(release)
	if err := goleak.Find(before); err != nil {
		t.Errorf("after the handler returned: %v", err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler stuck", "", 1)
	wantCount(t, n, stepTaken.Subject(), stats.Lost, "handler stuck", "closed", 1)
}

func TestCloseMayBeCalledAgainAndAtTheSameTime(t *testing.T) {
	handler, begun := gatedHandler("slow", stepTaken, nil)
	n := openHandlers(t, handler)
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, begun)
	var work sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		work.Go(func() { errs[i] = closeWithin(n, time.Millisecond) })
	}
	work.Wait()
	// The first call closes; the others wait for it no longer than their context.
	for _, err := range errs {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
	}
	first, again := n.Close(t.Context()), n.Close(t.Context())
	if first == nil || first != again || !strings.Contains(first.Error(), "1 events were still queued") {
		t.Errorf("Close: %v and %v, want the first one's error", first, again)
	}
}

func TestCloseNeedsNoDeadline(t *testing.T) {
	n := openCore(t, mesh.Config{Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	if err := n.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// The first event of a type makes its export. On a closed node nobody would end
// that again.
func TestAnEmitAfterCloseLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	n := openCore(t, mesh.Config{Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}})
	finish(t, n)
	if err := stepTaken.Emit(n.Context(t.Context()), step{}); !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("Emit: %v, want ErrClosed", err)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// Events emitted while the node closes are handled or refused, whatever the
// moment; nothing is left running.
func TestEmittingWhileTheNodeCloses(t *testing.T) {
	for round := range 20 {
		before := goleak.IgnoreCurrent()
		n := openCore(t, mesh.Config{
			Exports: []mesh.Export{stepRepeated.Export(mesh.Limit{})},
			Handlers: []mesh.Handler{
				stepRepeated.Handle("second", func(context.Context, step) error { return nil }),
				stepTaken.Handle("first", func(ctx context.Context, s step) error { return stepRepeated.Emit(ctx, s) }, soon(1)),
			}})
		var emitters sync.WaitGroup
		var mu sync.Mutex
		admitted := uint64(0)
		for i := range 4 {
			emitters.Go(func() {
				for j := 0; ; j++ {
					err := stepTaken.Emit(n.Context(t.Context()), step{fmt.Sprint(i), j})
					if errors.Is(err, mesh.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					admitted++
					mu.Unlock()
				}
			})
		}
		finish(t, n)
		emitters.Wait()
		wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler first", "", admitted)
		wantCount(t, n, stepRepeated.Subject(), stats.Handled, "handler second", "", admitted)
		if err := goleak.Find(before); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d: %+v", round, n.Stats().Counts)
		}
	}
}

// No node of a group takes root events once the group is closing.
func TestNodesCloseStopsRootsOnAllFirst(t *testing.T) {
	gate := make(chan struct{})
	handler, begun := gatedHandler("slow", stepTaken, gate)
	nodes, err := inproc.Open(t.Context(), mesh.Config{Name: "core-1", Handlers: []mesh.Handler{handler}}, mesh.Config{Name: "core-2"})
	if err != nil {
		t.Fatal(err)
	}
	emitStep(t, nodes[0], stepTaken, step{Key: "a"})
	receive(t, begun)
	closed := make(chan error, 1)
	go func() { closed <- nodes.Close(t.Context()) }()
	awaitClosing(t, nodes[1]) // while the first still has an event to finish
	close(gate)
	if err := receive(t, closed); err != nil {
		t.Error(err)
	}
}
