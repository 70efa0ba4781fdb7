package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

func TestEmitNeedsANode(t *testing.T) {
	if err := stepTaken.Emit(t.Context(), step{}); !errors.Is(err, mesh.ErrNoNode) || !strings.Contains(err.Error(), "Node.Context") {
		t.Errorf("Emit: %v, want ErrNoNode with its remedy", err)
	}
	if _, ok := mesh.HeaderOf(t.Context()); ok {
		t.Error("a context of no node has a header")
	}
	n := openHandlers(t)
	if _, ok := mesh.HeaderOf(n.Context(t.Context())); ok {
		t.Error("a context for root events has a header")
	}
}

type contextKey struct{}

// contexts are the ways a handler's context is passed on.
var contexts = map[string]func(context.Context) context.Context{
	"as it is":     func(ctx context.Context) context.Context { return ctx },
	"with a value": func(ctx context.Context) context.Context { return context.WithValue(ctx, contextKey{}, 1) },
	"with a limit": func(ctx context.Context) context.Context {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		context.AfterFunc(ctx, cancel) // the limit outlives the handler in these tests
		return ctx
	},
	"without cancel": context.WithoutCancel,
	"twice": func(ctx context.Context) context.Context {
		return context.WithValue(context.WithValue(ctx, contextKey{}, 1), contextKey{}, 2)
	},
}

func TestDerivedContextsStayInTheCascade(t *testing.T) {
	for name, derive := range contexts {
		t.Run(name, func(t *testing.T) {
			var first, second mesh.Header
			n := openHandlers(t,
				stepTaken.Handle("first", func(ctx context.Context, s step) error {
					ctx = derive(ctx)
					first, _ = mesh.HeaderOf(ctx)
					return stepRepeated.Emit(ctx, s)
				}),
				stepRepeated.Handle("second", func(ctx context.Context, _ step) error {
					second, _ = mesh.HeaderOf(derive(ctx))
					return nil
				}))
			emitStep(t, n, stepTaken, step{Key: "a"})
			finish(t, n)
			if first.Root != first.ID || !first.Parent.IsZero() || first.Depth() != 0 || first.Key != "a" {
				t.Errorf("the root has %+v", first)
			}
			if second.Root != first.ID || second.Parent != first.ID || second.ID == first.ID || second.Depth() != 1 {
				t.Errorf("the caused event has %+v, the root %+v", second, first)
			}
			want := []string{"core-1:core.step.taken", "core-1:core.step.repeated"}
			if !slices.Equal(second.Path(), want) || second.Origin() != "core-1" || second.Subject() != stepRepeated.Subject() {
				t.Errorf("path %v of %s by %s, want %v", second.Path(), second.Subject(), second.Origin(), want)
			}
		})
	}
}

// A context kept past its handler's return emits nothing, also while the worker
// is busy with the next event: that one's cascade is not the kept one's.
func TestEmitAfterTheHandlerReturned(t *testing.T) {
	for name, derive := range contexts {
		t.Run(name, func(t *testing.T) {
			kept := make(chan context.Context, 1)
			running, next := make(chan struct{}), make(chan struct{})
			n := openCore(t, mesh.Config{Handlers: []mesh.Handler{
				stepTaken.Handle("keep", func(ctx context.Context, s step) error {
					if s.N == 0 {
						kept <- derive(ctx)
						return nil
					}
					close(running)
					<-next
					return nil
				}),
			}})
			emitStep(t, n, stepTaken, step{"a", 0})
			ctx := receive(t, kept)
			waitUntil(t, "the handler has returned", func() bool { return n.Stats().Waiting == 0 })
			if err := stepRepeated.Emit(ctx, step{}); !errors.Is(err, mesh.ErrHandlerReturned) {
				t.Errorf("between events: %v, want ErrHandlerReturned", err)
			}
			emitStep(t, n, stepTaken, step{"a", 1})
			receive(t, running)
			if err := stepRepeated.Emit(ctx, step{}); !errors.Is(err, mesh.ErrHandlerReturned) {
				t.Errorf("during the next event: %v, want ErrHandlerReturned", err)
			}
			close(next)
			finish(t, n)
			if err := stepRepeated.Emit(ctx, step{}); err == nil {
				t.Error("emitted on a closed node")
			}
			wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", 0)
		})
	}
}

func TestGoroutinesInAHandlerMayEmitTogether(t *testing.T) {
	const goroutines, each = 8, 50
	for name, fail := range map[string]bool{"committed": false, "dropped": true} {
		t.Run(name, func(t *testing.T) {
			var got sequences
			n := openHandlers(t,
				stepTaken.Handle("spread", func(ctx context.Context, _ step) error {
					var work sync.WaitGroup
					for g := range goroutines {
						work.Go(func() {
							for i := range each {
								if err := stepRepeated.Emit(ctx, step{fmt.Sprint(g), i}); err != nil {
									t.Error(err)
								}
							}
						})
					}
					work.Wait()
					if fail {
						return errBroken
					}
					return nil
				}, soon(1)),
				stepRepeated.Handle("log", func(_ context.Context, s step) error {
					got.take(t, s.Key, s.N)
					return nil
				}))
			emitStep(t, n, stepTaken, step{Key: "a"})
			finish(t, n)
			if fail {
				got.wantAll(t, 0, 0)
			} else {
				got.wantAll(t, goroutines, each)
			}
			if waiting := n.Stats().Waiting; waiting != 0 {
				t.Errorf("%d places are still taken", waiting)
			}
		})
	}
}

// Emitting is not waiting for it: an event that a handler emits begins after the
// handler has returned.
func TestEmitsTakeEffectWhenTheHandlerReturns(t *testing.T) {
	var order []string // both handlers run one event after the other
	emitted := make(chan struct{})
	second := make(chan struct{})
	n := openHandlers(t,
		stepTaken.Handle("first", func(ctx context.Context, s step) error {
			if err := stepRepeated.Emit(ctx, s); err != nil {
				return err
			}
			close(emitted)
			select {
			case <-second:
				t.Error("the caused event began before the handler returned")
			case <-time.After(10 * time.Millisecond): // time in which it could go wrong
			}
			order = append(order, "first")
			return nil
		}),
		stepRepeated.Handle("second", func(context.Context, step) error {
			order = append(order, "second")
			close(second)
			return nil
		}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, emitted)
	finish(t, n)
	if !slices.Equal(order, []string{"first", "second"}) {
		t.Errorf("%v", order)
	}
}

// With Node.Context a handler begins a cascade of its own, which does not wait for
// the handler and is not undone with it.
func TestAHandlerMayBeginACascade(t *testing.T) {
	var header mesh.Header
	var n *mesh.Node
	got := make(chan struct{})
	ready := make(chan struct{})
	n = openHandlers(t,
		stepTaken.Handle("first", func(ctx context.Context, s step) error {
			<-ready
			if err := stepRepeated.Emit(n.Context(ctx), s); err != nil {
				t.Error(err)
			}
			<-got
			return errBroken
		}, soon(1)),
		stepRepeated.Handle("second", func(ctx context.Context, _ step) error {
			header, _ = mesh.HeaderOf(ctx)
			close(got)
			return nil
		}))
	close(ready)
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, got)
	finish(t, n)
	if header.Depth() != 0 || header.Root != header.ID || !header.Parent.IsZero() {
		t.Errorf("the event has %+v, want a root's header", header)
	}
}

// A path of 32 steps is the longest that fits the wire: there a loop ends.
func TestACascadeEndsAtTheDeepestStep(t *testing.T) {
	var deepest int
	var end error
	n := openCore(t, mesh.Config{Cascades: unbounded, Handlers: []mesh.Handler{stepTaken.Handle("dive", func(ctx context.Context, s step) error {
		h, _ := mesh.HeaderOf(ctx)
		deepest = h.Depth()
		if end = stepTaken.Emit(ctx, step{s.Key, s.N + 1}); end != nil && !errors.Is(end, mesh.ErrRefused) {
			return end
		}
		return nil
	})}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	wantRefusal(t, end, "emit", "cascade-depth")
	if deepest != 31 {
		t.Errorf("the deepest event has depth %d, want 31", deepest)
	}
	if steps := strings.Count(end.Error(), "core-1:core.step.taken"); steps != 33 {
		t.Errorf("the error names %d steps, want all 33: %v", steps, end)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler dive", "", 32)
}

// A handler's context ends when the node no longer waits, and not before.
func TestAHandlersContextEndsWithTheNode(t *testing.T) {
	begun := make(chan context.Context, 1)
	n := openHandlers(t, stepTaken.Handle("wait", func(ctx context.Context, _ step) error {
		if _, limited := ctx.Deadline(); limited || ctx.Err() != nil {
			t.Errorf("the context has a deadline (%v) or has ended (%v)", limited, ctx.Err())
		}
		begun <- ctx
		<-ctx.Done()
		return nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	if err := stepTaken.Emit(n.Context(ctx), step{}); err != nil {
		t.Fatal(err)
	}
	handling := receive(t, begun)
	cancel() // the emitter's context is its own
	if handling.Err() != nil {
		t.Error("the handler's context ended with the emitter's")
	}
	if err := closeWithin(n, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler wait", "", 1)
}

// A handler that ends its goroutine fails, and its worker goes on with the rest.
func TestGoexitInAHandler(t *testing.T) {
	n := openHandlers(t, stepTaken.Handle("leave", func(ctx context.Context, s step) error {
		if s.N%2 == 0 {
			if err := stepRepeated.Emit(ctx, s); err != nil {
				t.Error(err)
			}
			runtime.Goexit()
		}
		return nil
	}))
	for i := range 100 {
		emitStep(t, n, stepTaken, step{"a", i})
	}
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler leave", "", 50)
	wantCount(t, n, stepTaken.Subject(), stats.Failed, "handler leave", "", 50)
	wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", 0)
}
