package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// stage stages an event, or fails.
func stage[T any](t testing.TB, ctx context.Context, e *mesh.Event[T], s T) mesh.Staged {
	t.Helper()
	staged, err := e.Stage(ctx, s)
	if err != nil {
		t.Fatalf("stage %+v: %v", s, err)
	}
	return staged
}

// relay relays staged events, or fails.
func relay(t testing.TB, n *mesh.Node, events ...mesh.Staged) {
	t.Helper()
	if relayed, err := n.Relay(within(t), events...); err != nil || relayed != len(events) {
		t.Fatalf("%d of %d relayed: %v", relayed, len(events), err)
	}
}

func TestAStagedEventTakesEffectWhenItIsRelayed(t *testing.T) {
	var headers []mesh.Header
	var values []step
	n := openHandlers(t, stepTaken.Handle("log", func(ctx context.Context, s step) error {
		h, _ := mesh.HeaderOf(ctx)
		headers, values = append(headers, h), append(values, s)
		return nil
	}))
	var events []mesh.Staged
	for i := range 3 {
		events = append(events, stage(t, n.Context(t.Context()), stepTaken, step{"a", i}))
	}
	wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", 0)
	relay(t, n, events...)
	finish(t, n)
	if want := []step{{"a", 0}, {"a", 1}, {"a", 2}}; !slices.Equal(values, want) {
		t.Fatalf("handled %v, want %v", values, want)
	}
	for i, h := range headers {
		if h.ID != events[i].ID || h.Root != h.ID || !h.Parent.IsZero() || h.Key != "a" || !slices.Equal(h.Path(), []string{"core-1:core.step.taken"}) {
			t.Errorf("event %d has %+v, path %v", i, h, h.Path())
		}
	}
	wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", 3)
}

// A handler that runs again stages the same events, also after a crash: here the
// event that it handles is relayed twice.
func TestAHandlerStagesTheSameEventsEachTime(t *testing.T) {
	var mu sync.Mutex
	calls := map[string][]string{} // by handler and key of the handled event: the ids of each call
	var one mesh.Staged
	keep := func(ctx context.Context, s step) error {
		var ids []string
		for _, child := range []step{{"x", 1}, {"x", 1}, {"x", 2}, {"y", 1}} {
			staged, err := stepRepeated.Stage(ctx, child)
			if err != nil {
				return err
			}
			ids = append(ids, staged.ID.String())
			mu.Lock()
			one = staged
			mu.Unlock()
		}
		name, _ := mesh.HandlerOf(ctx)
		mu.Lock()
		defer mu.Unlock()
		calls[name+" "+s.Key] = append(calls[name+" "+s.Key], strings.Join(ids, " "))
		if len(calls[name+" "+s.Key]) == 1 {
			return errBroken
		}
		return nil
	}
	var caused mesh.Header
	n := openHandlers(t, stepTaken.Handle("first", keep, soon(2)), stepTaken.Handle("second", keep, soon(2)),
		stepRepeated.Handle("log", func(ctx context.Context, _ step) error { caused, _ = mesh.HeaderOf(ctx); return nil }))
	a, b := stage(t, n.Context(t.Context()), stepTaken, step{"a", 0}), stage(t, n.Context(t.Context()), stepTaken, step{"b", 0})
	relay(t, n, a, b, b)
	waitUntil(t, "handled", func() bool { return n.Stats().Waiting == 0 })

	seen := map[string]string{}
	for call, runs := range calls {
		want := 2
		if strings.HasSuffix(call, "b") {
			want = 3
		}
		if len(runs) != want || runs[0] != runs[1] || runs[0] != runs[want-1] {
			t.Errorf("%s staged %q in %d runs, want the same in %d", call, runs, len(runs), want)
		}
		for _, id := range strings.Fields(runs[0]) {
			if other, taken := seen[id]; taken {
				t.Errorf("%s and %s staged different events as %s", call, other, id)
			}
			seen[id] = call
		}
	}
	if len(seen) != 4*2*2 {
		t.Errorf("%d different events, want 16", len(seen))
	}

	relay(t, n, one)
	finish(t, n)
	if caused.ID != one.ID || caused.Depth() != 1 || caused.Root != caused.Parent || caused.Root != a.ID && caused.Root != b.ID ||
		!slices.Equal(caused.Path(), []string{"core-1:core.step.taken", "core-1:core.step.repeated"}) {
		t.Errorf("the relayed event has %+v, path %v", caused, caused.Path())
	}
}

// What would drop or replace an event refuses it: the transaction would disagree.
func TestARuleThatDropsRefusesAStagedEvent(t *testing.T) {
	once := mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1}
	for _, policy := range []mesh.Policy{mesh.Refuse, mesh.Shed, mesh.Coalesce} {
		t.Run(string(policy), func(t *testing.T) {
			limit := once
			limit.Policy = policy
			n := openCore(t, mesh.Config{Limits: []mesh.Rule{{Name: "once", Event: ">", By: mesh.ByKey, Limit: limit}}})
			stage(t, n.Context(t.Context()), stepTaken, step{"a", 0})
			_, err := stepTaken.Stage(n.Context(t.Context()), step{"a", 1})
			wantRefusal(t, err, "emit", "once")
			wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "once", 1)
			wantCount(t, n, stepTaken.Subject(), stats.Shed, "emit", "once", 0)
		})
	}
	t.Run("wait", func(t *testing.T) {
		once.Policy = mesh.Wait
		n := openCore(t, mesh.Config{Limits: []mesh.Rule{{Name: "once", Event: ">", Limit: once}}})
		stage(t, n.Context(t.Context()), stepTaken, step{"a", 0})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := stepTaken.Stage(n.Context(ctx), step{"a", 1})
		wantRefusal(t, err, "emit", "once")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the end of the wait", err)
		}
	})
	t.Run("of the export", func(t *testing.T) {
		n := openCore(t, mesh.Config{Exports: []mesh.Export{stepTaken.Export(mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Refuse})}})
		stage(t, n.Context(t.Context()), stepTaken, step{"a", 0})
		_, err := stepTaken.Stage(n.Context(t.Context()), step{"a", 1})
		wantRefusal(t, err, "export", "export-limit")
	})
}

func TestTheCascadeGuardRefusesToStage(t *testing.T) {
	var err error
	n := openHandlers(t, stepTaken.Handle("again", func(ctx context.Context, s step) error {
		_, err = stepTaken.Stage(ctx, s)
		return nil
	}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	var refused mesh.CascadeError
	if !errors.As(err, &refused) || refused.Rule != "cascade-loop" {
		t.Errorf("%v, want a refusal by cascade-loop", err)
	}
}

func TestWhatCanNotBeStaged(t *testing.T) {
	if _, err := stepTaken.Stage(t.Context(), step{}); !errors.Is(err, mesh.ErrNoNode) {
		t.Errorf("without a node: %v, want ErrNoNode", err)
	}
	kept := make(chan context.Context, 1)
	numbersTaken := mesh.NewEvent[map[string]float64]("core.numbers.taken")
	n := openCore(t, mesh.Config{MaxPayload: 8192, Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})},
		Handlers: []mesh.Handler{stepRepeated.Handle("keep", func(ctx context.Context, _ step) error { kept <- ctx; return nil })}})
	ctx := n.Context(t.Context())
	_, err := stepRepeated.Stage(ctx, step{Key: strings.Repeat("k", 1025)})
	wantRefusal(t, err, "emit", "key")
	_, err = stepRepeated.Stage(ctx, step{Key: "\xff"})
	wantRefusal(t, err, "emit", "key")
	if _, err := mesh.NewEvent[any]("core.function.taken").Stage(ctx, func() {}); !errors.Is(err, mesh.ErrNotWireSafe) {
		t.Errorf("a function: %v, want ErrNotWireSafe", err)
	}
	if _, err := numbersTaken.Stage(ctx, map[string]float64{"a": math.Pi}); err != nil {
		t.Errorf("a map: %v", err)
	}
	long := mesh.NewEvent[string](stepTaken.Subject())
	_, err = long.Stage(ctx, strings.Repeat("x", 8192))
	wantRefusal(t, err, "emit", "payload-size")
	if !strings.Contains(fmt.Sprint(err), "max_payload is 8192") {
		t.Errorf("%v does not name the limit", err)
	}

	emitStep(t, n, stepRepeated, step{Key: "a"})
	late := receive(t, kept)
	waitUntil(t, "the handler has returned", func() bool { return n.Stats().Waiting == 0 })
	if _, err := numbersTaken.Stage(late, nil); !errors.Is(err, mesh.ErrHandlerReturned) {
		t.Errorf("after the handler: %v, want ErrHandlerReturned", err)
	}
	if name, ok := mesh.HandlerOf(late); ok {
		t.Errorf("after the handler its name is still %q", name)
	}
	finish(t, n)
	if _, err := numbersTaken.Stage(ctx, map[string]float64{}); !errors.Is(err, mesh.ErrClosed) {
		t.Errorf("on a closed node: %v, want ErrClosed", err)
	}
}

// A node learns what is staged as it learns what is emitted: once the handler
// has returned nil.
func TestTheGraphHasWhatIsStaged(t *testing.T) {
	n := openHandlers(t, stepBegun.Handle("pass on", func(ctx context.Context, s step) error {
		if _, err := stepEnded.Stage(ctx, s); err != nil {
			return err
		}
		if s.N == 0 {
			return errBroken
		}
		return nil
	}, soon(1)))
	emitStep(t, n, stepBegun, step{"a", 0})
	emitStep(t, n, stepBegun, step{"a", 1})
	waitUntil(t, "handled", func() bool { return n.Stats().Waiting == 0 })
	var edges []string
	for _, e := range n.Graph().Edges {
		if e.To == stepEnded.Subject() {
			edges = append(edges, fmt.Sprintf("%s %d/%d", e.Handler, e.Count, e.Handled))
		}
	}
	if !slices.Equal(edges, []string{"pass on 1/2"}) {
		t.Errorf("edges %v, want one of 1/2", edges)
	}
}
