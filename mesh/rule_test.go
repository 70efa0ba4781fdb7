package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/stats"
)

// slowly lets a few events pass and then none for an hour.
func slowly(burst int) mesh.Limit {
	return mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: burst, Policy: mesh.Refuse}
}

func nothing(context.Context, step) error { return nil }

// emitMany emits n events of a key and gives how many were admitted.
func emitMany(t *testing.T, node *mesh.Node, e *mesh.Event[step], key string, n int) (admitted int) {
	t.Helper()
	for i := range n {
		switch err := e.Emit(node.Context(t.Context()), step{key, i}); {
		case err == nil:
			admitted++
		case !errors.Is(err, mesh.ErrRefused):
			t.Fatal(err)
		}
	}
	return admitted
}

func TestARuleByKeyGivesEachKeyItsOwn(t *testing.T) {
	n := openCore(t, mesh.Config{Limits: []mesh.Rule{
		{Event: ">", Limit: slowly(100)},
		{Name: "one-team", Event: "core.step.taken", By: mesh.ByKey, Limit: slowly(3)},
	}})
	for _, key := range []string{"a", "b", "c"} {
		if got := emitMany(t, n, stepTaken, key, 1000); got != 3 {
			t.Errorf("key %s: %d admitted, want 3", key, got)
		}
	}
	// What the narrow rule stopped took nothing from the wide one: 9 of 100.
	if got := emitMany(t, n, stepRepeated, "d", 1000); got != 100 {
		t.Errorf("another type: %d admitted, want 100", got)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "one-team", 3*997)
	wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "emit-limit", 0)
}

func TestKeysPastTheTableShareABucket(t *testing.T) {
	n := openCore(t, mesh.Config{Limits: []mesh.Rule{{Event: ">", By: mesh.ByKey, Keys: 10, Limit: slowly(2)}}})
	admitted := 0
	for i := range 10_000 {
		admitted += emitMany(t, n, stepTaken, fmt.Sprint("made up ", i), 1)
	}
	if admitted != 10+2 {
		t.Errorf("%d admitted, want one of each bucket and two of the shared one", admitted)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Overflowed, "emit", "emit-limit", 10_000-10)
}

func TestEvictedKeysAreCounted(t *testing.T) {
	n := openCore(t, mesh.Config{Limits: []mesh.Rule{{Event: ">", By: mesh.ByKey, Keys: 2, Limit: mesh.Limit{Rate: 1e9, Burst: 1}}}})
	for i := range 10 {
		if emitMany(t, n, stepTaken, fmt.Sprint(i), 1) != 1 {
			t.Errorf("key %d: not admitted, although the oldest bucket is full again", i)
		}
	}
	wantCount(t, n, stepTaken.Subject(), stats.Evicted, "emit", "emit-limit", 8)
}

// A rule by root stops the origin of a storm. The handlers further down the
// chain, and roots of other types, go on.
func TestARuleByRootThrottlesTheOrigin(t *testing.T) {
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Name: "storm", Event: ">", Root: "core.step.taken", By: mesh.ByRoot, Limit: slowly(10)}},
		Handlers: []mesh.Handler{
			stepTaken.Handle("spread", func(ctx context.Context, s step) error {
				for range 20 {
					if err := stepRepeated.Emit(ctx, s); err != nil {
						return err
					}
				}
				return nil
			}),
			stepRepeated.Handle("end", nothing),
		}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	waitUntil(t, "the first cascade", func() bool { return n.Stats().Of(stepRepeated.Subject(), stats.Handled) == 20 })
	if got := emitMany(t, n, stepTaken, "a", 100); got != 0 {
		t.Errorf("%d more roots of the storm admitted", got)
	}
	if got := emitMany(t, n, stepRepeated, "a", 100); got != 100 {
		t.Errorf("%d of 100 roots of another type admitted", got)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "storm", 100)
	var refused mesh.RefusedError
	if err := stepTaken.Emit(n.Context(t.Context()), step{Key: "a"}); !errors.As(err, &refused) || refused.Type != stepTaken.Subject() {
		t.Errorf("%v, want the event's type in it", err)
	}
	wantCount(t, n, stepTaken.Subject(), stats.Failed, "handler spread", "", 0)
}

func TestARuleByPeerStopsOnlyThatPeer(t *testing.T) {
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
	score.Limits = []mesh.Rule{{Name: "one-peer", Place: mesh.AtImport, Event: "clue.>", By: mesh.ByPeer,
		Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 5, Policy: mesh.Shed}}}
	nodes := openAll(t, clueNode("clue-1"), clueNode("clue-2"), score)
	for i := range 50 {
		emit(t, nodes[0], clueSolved, solved{Team: fmt.Sprint(i)})
	}
	for i := range 4 {
		emit(t, nodes[1], clueSolved, solved{Team: fmt.Sprint(i)})
	}
	await(t, "every event judged", func() bool {
		shed := nodes[0].Stats().Total(stats.Shed) + nodes[2].Stats().Total(stats.Shed) // most at the exporter: see reader-limit
		return nodes[2].Stats().Total(stats.Handled)+shed == 54
	})
	if got := nodes[2].Stats().Total(stats.Handled); got != 5+4 {
		t.Errorf("%d handled, want 5 of one peer and 4 of the other", got)
	}
}

// A rule of exports says nothing of events that never leave the node.
func TestARuleAtExportIsForExportedTypes(t *testing.T) {
	n := openCore(t, mesh.Config{Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})},
		Limits: []mesh.Rule{{Place: mesh.AtExport, Event: "core.>", Limit: slowly(3)}}})
	if got := emitMany(t, n, stepTaken, "a", 10); got != 3 {
		t.Errorf("%d of an exported type admitted, want 3", got)
	}
	if got := emitMany(t, n, stepRepeated, "a", 10); got != 10 {
		t.Errorf("%d of 10 of a type that is not exported admitted", got)
	}
}

// Rules change while the node runs: buckets of rules that stay are kept.
func TestSetRules(t *testing.T) {
	kept := mesh.Rule{Name: "kept", Event: "core.step.taken", By: mesh.ByKey, Limit: slowly(3)}
	n := openCore(t, mesh.Config{Limits: []mesh.Rule{kept, {Name: "gone", Event: "core.step.repeated", Limit: slowly(1)}}})
	emitMany(t, n, stepTaken, "a", 2)
	emitMany(t, n, stepRepeated, "a", 2)
	rules := n.Rules()
	if len(rules) != 2 || rules[0].Place != mesh.AtEmit || rules[0].Keys == 0 {
		t.Fatalf("rules %+v", rules)
	}
	rules = slices.DeleteFunc(rules, func(r mesh.Rule) bool { return r.Name == "gone" })
	rules = append(rules, mesh.Rule{Name: "new", Event: "core.step.repeated", Limit: slowly(7)})
	if err := n.SetRules(rules); err != nil {
		t.Fatal(err)
	}
	if got := emitMany(t, n, stepTaken, "a", 10); got != 1 {
		t.Errorf("%d admitted by the kept rule, want the 1 that was left", got)
	}
	if got := emitMany(t, n, stepRepeated, "a", 10); got != 7 {
		t.Errorf("%d admitted by the new rule, want 7", got)
	}
	var field *config.FieldError
	if err := n.SetRules([]mesh.Rule{{Event: "nonsense"}}); !errors.As(err, &field) || field.Field != "limits[0].event" {
		t.Errorf("bad rules: %v", err)
	}
	unknown := mesh.Rule{Place: mesh.AtHandler, Handler: "nobody", Event: ">", Concurrency: 1}
	if err := n.SetRules([]mesh.Rule{unknown}); !errors.As(err, &field) || field.Field != "limits[0].handler" {
		t.Errorf("a rule for no handler: %v", err)
	}
	if node, err := mesh.Open(t.Context(), mesh.Config{Name: "core-2", Limits: []mesh.Rule{unknown}}); !errors.As(err, &field) || field.Field != "limits[0].handler" {
		t.Errorf("a rule for no handler opens a node: %v, %v", node, err)
	}
	other := mesh.Rule{Place: mesh.AtHandler, Handler: "take", Event: "core.step.repeated", Concurrency: 1}
	if node, err := mesh.Open(t.Context(), mesh.Config{Name: "core-2", Limits: []mesh.Rule{other}, Handlers: []mesh.Handler{stepTaken.Handle("take", nothing)}}); !errors.As(err, &field) || field.Field != "limits[0].event" {
		t.Errorf("a rule for events that its handler does not take opens a node: %v, %v", node, err)
	}
	if got := n.Rules(); len(got) != 2 {
		t.Errorf("bad rules changed the rules: %+v", got)
	}
}

// A rule at a handler stops what the handler gets, and no other handler.
func TestRulesAtAHandler(t *testing.T) {
	for _, test := range []struct {
		policy        mesh.Policy
		outcome       stats.Outcome
		place, rule   string
		letters, kept int
	}{
		{mesh.Shed, stats.Shed, "handler one", "handler-limit", 0, 3},
		{mesh.Refuse, stats.Refused, "handler one", "handler-limit", 7, 3},
	} {
		t.Run(string(test.policy), func(t *testing.T) {
			box, letters := letterbox()
			limit := slowly(3)
			limit.Policy = test.policy
			n := openCore(t, mesh.Config{
				Limits:   []mesh.Rule{{Place: mesh.AtHandler, Handler: "one", Event: "core.step.*", Limit: limit}},
				Handlers: []mesh.Handler{box, stepTaken.Handle("one", nothing), stepTaken.Handle("other", nothing)}})
			emitMany(t, n, stepTaken, "a", 10)
			finish(t, n)
			wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler one", "", uint64(test.kept))
			wantCount(t, n, stepTaken.Subject(), test.outcome, test.place, test.rule, 7)
			wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler other", "", 10)
			if len(letters) != test.letters {
				t.Errorf("%d letters, want %d", len(letters), test.letters)
			}
		})
	}
}

// A rule that waits paces its handler: it handles all, in time.
func TestAHandlerIsPaced(t *testing.T) {
	n := openCore(t, mesh.Config{
		Limits:   []mesh.Rule{{Place: mesh.AtHandler, Event: ">", Limit: mesh.Limit{Rate: 1000, Burst: 1, Policy: mesh.Wait}}},
		Handlers: []mesh.Handler{stepTaken.Handle("paced", nothing)}})
	emitMany(t, n, stepTaken, "a", 20)
	finish(t, n)
	wantCount(t, n, stepTaken.Subject(), stats.Handled, "handler paced", "", 20)
	if n.Stats().Of(stepTaken.Subject(), stats.Delayed) == 0 {
		t.Error("nothing was delayed")
	}
	if err := n.SetRules(nil); err != nil || len(n.Rules()) != 0 {
		t.Error(err)
	}
}
