package mesh_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

func atOnce(n int, policy mesh.Policy) []mesh.Rule {
	return []mesh.Rule{{Place: mesh.AtHandler, Event: "core.step.taken", Concurrency: n, Within: withinOf(policy), Limit: mesh.Limit{Policy: policy}}}
}

func withinOf(policy mesh.Policy) time.Duration {
	if policy == mesh.Coalesce {
		return time.Hour // until Close
	}
	return 0
}

// emitKeys emits an event of each of so many keys, so that all workers have some.
func emitKeys(t *testing.T, n *mesh.Node, keys int) {
	t.Helper()
	for i := range keys {
		emitStep(t, n, stepTaken, step{fmt.Sprint(i), i})
	}
}

// A rule with a concurrency holds up the workers past it, and follows its changes.
func TestConcurrencyFollowsItsRule(t *testing.T) {
	const workers, keys = 8, 500
	gate := make(chan struct{})
	handler, begun := gatedHandler("gated", stepTaken, gate, mesh.Workers(workers))
	n := openCore(t, mesh.Config{Limits: atOnce(3, ""), Handlers: []mesh.Handler{handler}})
	if r := n.Rules()[0]; r.Name != "handler-concurrency" || r.Limit.Policy != mesh.Wait {
		t.Errorf("rule %+v", r)
	}
	emitKeys(t, n, keys)
	waitUntil(t, "all other workers wait", func() bool {
		return counted(n, stepTaken.Subject(), stats.Delayed, "handler gated", "handler-concurrency") == workers-3
	})
	waitUntil(t, "the calls that may be", func() bool { return len(begun) >= 3 })
	if len(begun) != 3 {
		t.Errorf("%d calls at once, want 3", len(begun))
	}
	for _, change := range []struct{ limit, running int }{{5, 5}, {1, 5}, {6, 6}} {
		if err := n.SetRules(atOnce(change.limit, mesh.Wait)); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "more calls", func() bool { return len(begun) >= change.running })
		if len(begun) != change.running {
			t.Errorf("%d calls at once under %d, want %d", len(begun), change.limit, change.running)
		}
	}
	if err := n.SetRules(nil); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "all workers", func() bool { return len(begun) == workers })
	close(gate)
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler gated", "", keys)
}

func TestConcurrencyPolicies(t *testing.T) {
	const keys = 300
	for _, test := range []struct {
		policy  mesh.Policy
		outcome stats.Outcome
		failed  bool
	}{{mesh.Refuse, stats.Refused, true}, {mesh.Shed, stats.Shed, false}, {mesh.Coalesce, stats.Coalesced, false}} {
		t.Run(string(test.policy), func(t *testing.T) {
			box, letters := letterbox()
			gate := make(chan struct{})
			running, most := atomic.Int64{}, atomic.Int64{}
			kept := &newest{}
			n := openCore(t, mesh.Config{Limits: atOnce(1, test.policy), Handlers: []mesh.Handler{box,
				stepTaken.Handle("one", func(ctx context.Context, s step) error {
					defer running.Add(-1)
					most.Store(max(most.Load(), running.Add(1)))
					<-gate
					return kept.handle(ctx, s)
				}, mesh.Workers(4))}})
			emitKeys(t, n, keys)
			emitKeys(t, n, keys)
			of := func() uint64 {
				return counted(n, stepTaken.Subject(), test.outcome, "handler one", "handler-concurrency")
			}
			waitUntil(t, "some found no place", func() bool { return of() > 0 })
			close(gate)
			finish(t, n)
			handled := counted(n, stepTaken.Subject(), stats.Handled, "handler one", "")
			if handled+of() != 2*keys || most.Load() != 1 {
				t.Errorf("%d handled, %d at once, and %d %s", handled, most.Load(), of(), test.outcome)
			}
			if failed := counted(n, stepTaken.Subject(), stats.Failed, "handler one", ""); test.failed && failed != of() || !test.failed && len(letters) > 0 {
				t.Errorf("%d failed with %d letters", failed, len(letters))
			}
			for i := range keys {
				if got := kept.of(fmt.Sprint(i)); test.policy == mesh.Coalesce && last(got) != i {
					t.Errorf("key %d: the last is %d", i, last(got))
				}
			}
		})
	}
}

// However a handler ends, its place is free again.
func TestAFailureFreesItsPlace(t *testing.T) {
	for name, end := range map[string]func() error{
		"error": func() error { return errBroken },
		"panic": func() error { panic("no") },
		"exit":  func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			n := openCore(t, mesh.Config{Limits: atOnce(1, mesh.Wait), Handlers: []mesh.Handler{
				stepTaken.Handle("fragile", func(context.Context, step) error { return end() }, mesh.Workers(4), soon(2))}})
			emitKeys(t, n, 100)
			finish(t, n)
			wantCount(t, n, stepTaken.Subject(), stats.Failed, "handler fragile", "", 100)
		})
	}
}

// By root each type of root has places of its own.
func TestConcurrencyByRoot(t *testing.T) {
	gate := make(chan struct{})
	handler, begun := gatedHandler("gated", stepForked, gate, mesh.Workers(8))
	fork := func(ctx context.Context, s step) error { return stepForked.Emit(ctx, s) }
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Place: mesh.AtHandler, Handler: "gated", Event: ">", By: mesh.ByRoot, Concurrency: 1,
			Limit: mesh.Limit{Policy: mesh.Shed}}},
		Handlers: []mesh.Handler{handler, stepTaken.Handle("first", fork), stepRepeated.Handle("second", fork)}})
	for root, e := range []*mesh.Event[step]{stepTaken, stepRepeated} {
		for i := range 100 {
			emitStep(t, n, e, step{fmt.Sprint(i), root})
		}
		if got := receive(t, begun); got.N != root {
			t.Errorf("a call of root %d, want %d", got.N, root)
		}
	}
	waitUntil(t, "all handled or shed but what is behind the two", func() bool {
		return n.Stats().Of(stepForked.Subject(), stats.Shed) > 100
	})
	if len(begun) > 0 {
		t.Error("a third call at once")
	}
	close(gate)
	finish(t, n)
}

// A node that gives up waiting for its handlers ends those that wait for a place.
func TestCloseEndsTheWaitForAPlace(t *testing.T) {
	handler, begun := gatedHandler("gated", stepTaken, nil, mesh.Workers(4))
	n := openCore(t, mesh.Config{Limits: atOnce(1, mesh.Wait), Handlers: []mesh.Handler{handler}})
	emitKeys(t, n, 100)
	receive(t, begun)
	if err := closeWithin(n, time.Millisecond); err == nil {
		t.Error("no error")
	}
	s := n.Stats()
	if got := s.Of(stepTaken.Subject(), stats.Handled) + s.Of(stepTaken.Subject(), stats.Failed) + s.Of(stepTaken.Subject(), stats.Lost); got != 100 {
		t.Errorf("%d of 100 accounted for: %+v", got, s.Counts)
	}
}
