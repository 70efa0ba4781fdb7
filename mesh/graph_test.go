package mesh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

var (
	stepBegun = mesh.NewEvent[step]("core.step.begun", mesh.Key(keyOfStep))
	stepEnded = mesh.NewEvent[step]("core.step.ended", mesh.Key(keyOfStep))
)

// emitting makes a handler's function that emits one event of each type.
func emitting(events ...*mesh.Event[step]) func(context.Context, step) error {
	return func(ctx context.Context, s step) error {
		for _, e := range events {
			if err := e.Emit(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
}

func ignore(context.Context, step) error { return nil }

// edgesText writes the edges as "from > to by service/handler count/handled", the
// subjects without what they share.
func edgesText(g graph.Graph) string {
	var lines []string
	for _, e := range g.Edges {
		line := fmt.Sprintf("%s > %s by %s/%s %d/%d", verb(e.From), verb(e.To), e.Service, e.Handler, e.Count, e.Handled)
		if e.Refused > 0 {
			line += fmt.Sprintf(" refused %d", e.Refused)
		}
		if e.Declared {
			line += " declared"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func verb(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

func wantEdges(t *testing.T, g graph.Graph, want ...string) {
	t.Helper()
	if got := edgesText(g); got != strings.Join(want, "\n") {
		t.Errorf("edges\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestAGraphIsLearned(t *testing.T) {
	n := openHandlers(t,
		stepBegun.Handle("one", emitting(stepTaken), mesh.Workers(3)),
		stepBegun.Handle("three", emitting(stepTaken, stepTaken, stepRepeated)),
		mesh.HandleAll("core.*.*", "some", func(ctx context.Context, _ mesh.Any) error {
			if h, _ := mesh.HeaderOf(ctx); h.Subject() == stepEnded.Subject() {
				return nil
			}
			return stepEnded.Emit(ctx, step{})
		}))
	const roots = 20
	for i := range roots {
		emitStep(t, n, stepBegun, step{Key: fmt.Sprint(i)})
	}
	finish(t, n)
	g := n.Graph()
	wantEdges(t, g,
		"begun > ended by core/some 20/20",
		"begun > repeated by core/three 20/20",
		"begun > taken by core/one 20/20",
		"begun > taken by core/three 40/20",
		"repeated > ended by core/some 20/20",
		"taken > ended by core/some 60/60")
	if f := g.Edges[3].Factor; f != 2 || len(g.Cycles) != 0 || g.CyclesCut || g.Other != 0 || !slices.Equal(g.Nodes, []string{"core-1"}) {
		t.Errorf("factor %g in %+v", f, g)
	}
}

func TestOnlyEmitsThatTakeEffectAreLearned(t *testing.T) {
	fail := errors.New("no")
	calls := 0
	n := openHandlers(t,
		stepBegun.Handle("at last", func(ctx context.Context, s step) error {
			if err := stepTaken.Emit(ctx, s); err != nil {
				return err
			}
			if calls++; calls%3 != 0 {
				return fail
			}
			return nil
		}, soon(3)),
		stepBegun.Handle("never", func(ctx context.Context, s step) error {
			return errors.Join(stepRepeated.Emit(ctx, s), fail)
		}, soon(2)))
	for range 5 {
		emitStep(t, n, stepBegun, step{})
	}
	finish(t, n)
	wantEdges(t, n.Graph(),
		"begun > taken by core/at last 5/5",
		"begun > deadlettered by core/never 5/5")
}

func TestCoalescedEmitsAreLearnedAsWhatIsLeft(t *testing.T) {
	n := openCore(t, mesh.Config{
		Limits: []mesh.Rule{{Event: stepTaken.Subject(), By: mesh.ByKey, Within: time.Hour,
			Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Coalesce}}},
		Handlers: []mesh.Handler{stepBegun.Handle("pass on", emitting(stepTaken))}})
	for range 10 {
		emitStep(t, n, stepBegun, step{Key: "a"})
	}
	await(t, "all to be handled", func() bool { return n.Stats().Of(stepBegun.Subject(), stats.Handled) == 10 })
	finish(t, n) // lets what is kept go
	// The first one passes, the last one is kept, those between are replaced.
	wantEdges(t, n.Graph(), "begun > taken by core/pass on 2/10")
	wantCount(t, n, stepTaken.Subject(), stats.Admitted, "", "", 2)
}

func TestALoopIsLearnedWithItsGain(t *testing.T) {
	n := openHandlers(t, stepLooped.Handle("again", func(ctx context.Context, s step) error {
		if err := stepLooped.Emit(ctx, s); !errors.Is(err, mesh.ErrCascade) {
			return err
		}
		return nil
	}))
	emitStep(t, n, stepLooped, step{})
	finish(t, n)
	g := n.Graph()
	wantEdges(t, g, "looped > looped by core/again 3/4 refused 1")
	if len(g.Cycles) != 1 || g.Cycles[0].Gain != 1 || !slices.Equal(g.Cycles[0].Types, []string{stepLooped.Subject()}) {
		t.Errorf("cycles %+v", g.Cycles)
	}
}

func TestWhatANodeLearnsIsBounded(t *testing.T) {
	const types, each = 40, 30 // 1200 edges
	var parents []*mesh.Event[step]
	var children []*mesh.Event[step]
	var handlers []mesh.Handler
	for i := range each {
		children = append(children, mesh.NewEvent[step](fmt.Sprintf("core.child%d.emitted", i)))
	}
	for i := range types {
		parents = append(parents, mesh.NewEvent[step](fmt.Sprintf("core.parent%d.emitted", i)))
		handlers = append(handlers, parents[i].Handle(fmt.Sprint("many ", i), emitting(children...)))
	}
	n := openHandlers(t, handlers...)
	for range 2 {
		for _, p := range parents {
			emitStep(t, n, p, step{})
		}
	}
	finish(t, n)
	g := n.Graph()
	var counted uint64
	for _, e := range g.Edges {
		counted += e.Count
	}
	if len(g.Edges) != 1024 || counted+g.Other != 2*types*each || g.Other != 2*(types*each-1024) {
		t.Errorf("%d edges count %d events, %d others", len(g.Edges), counted, g.Other)
	}
}

func TestADeclaredGraphIsThereFromTheStart(t *testing.T) {
	n := openHandlers(t,
		stepBegun.Handle("some", emitting(stepTaken), mesh.Emits(stepTaken, stepEnded)),
		mesh.HandleAll("core.step.*", "all", func(context.Context, mesh.Any) error { return nil }),
		stepTaken.Handle("none", ignore))
	wantEdges(t, n.Graph(),
		"begun > ended by core/some 0/0 declared",
		"begun > taken by core/some 0/0 declared")
	emitStep(t, n, stepBegun, step{})
	finish(t, n)
	wantEdges(t, n.Graph(),
		"begun > ended by core/some 0/1 declared",
		"begun > taken by core/some 1/1 declared")
}

func TestAnUndeclaredEmitWorksAndIsLoggedOnce(t *testing.T) {
	logger, lines := recordLog()
	n := openCore(t, mesh.Config{Logger: logger, Handlers: []mesh.Handler{
		stepBegun.Handle("more", emitting(stepTaken, stepEnded), mesh.Emits(stepTaken)),
		stepTaken.Handle("silent", emitting(stepRepeated))}})
	for range 10 {
		emitStep(t, n, stepBegun, step{})
	}
	finish(t, n)
	wantEdges(t, n.Graph(),
		"begun > ended by core/more 10/10",
		"begun > taken by core/more 10/10 declared",
		"taken > repeated by core/silent 10/10")
	var told []string
	for _, line := range lines() {
		if strings.Contains(line, "does not declare") {
			told = append(told, line)
		}
	}
	if len(told) != 1 || !strings.Contains(told[0], "handler=more") || !strings.Contains(told[0], "type=core.step.ended") {
		t.Errorf("logged %q", told)
	}
}

func TestADeclaredCycleFailsAtOpen(t *testing.T) {
	silent := func(e *mesh.Event[step], name string, emits ...mesh.EventType) mesh.Handler {
		return e.Handle(name, ignore, mesh.Emits(emits...))
	}
	all := func(pattern string, emits ...mesh.EventType) mesh.Handler {
		return mesh.HandleAll(pattern, "all", func(context.Context, mesh.Any) error { return nil }, mesh.Emits(emits...))
	}
	cycle := []mesh.Handler{silent(stepBegun, "go", stepTaken), silent(stepTaken, "stay", stepEnded), silent(stepTaken, "return", stepBegun)}
	for _, test := range []struct {
		name     string
		handlers []mesh.Handler
		cascades []mesh.Cascade
		want     string // the cycle; empty: none
	}{
		{"a chain", []mesh.Handler{silent(stepBegun, "a", stepTaken), silent(stepTaken, "b", stepEnded)}, nil, ""},
		{"a cycle", cycle, nil, "core.step.begun → core.step.taken (handler go) → core.step.begun (handler return)"},
		{"two ways", append(slices.Clone(cycle), silent(stepBegun, "also go", stepTaken)), nil,
			"core.step.begun → core.step.taken (handler also go, go) → core.step.begun (handler return)"},
		{"allowed for all", cycle, []mesh.Cascade{{Loops: 1}}, ""},
		{"allowed for one root", cycle, []mesh.Cascade{{Root: "core.step.begun", Loops: 1}}, "core.step.begun → core.step.taken (handler go) → core.step.begun (handler return)"},
		{"allowed by a type", []mesh.Handler{silent(stepBegun, "a", stepLooped), silent(stepLooped, "b", stepBegun)}, nil, ""},
		{"allowed, but another is not", append([]mesh.Handler{silent(stepBegun, "a", stepLooped), silent(stepLooped, "b", stepBegun)}, cycle...), nil,
			"core.step.begun → core.step.taken (handler go) → core.step.begun (handler return)"},
		{"itself", []mesh.Handler{silent(stepTaken, "again", stepTaken)}, nil, "core.step.taken → core.step.taken (handler again)"},
		{"a handler of all that emits one of them", []mesh.Handler{all(">", stepEnded)}, nil, "core.step.ended → core.step.ended (handler all)"},
		{"a handler of others", []mesh.Handler{all("hunt.>", stepEnded)}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, err := mesh.Open(t.Context(), mesh.Config{Name: "core-1", Handlers: test.handlers, Cascades: test.cascades})
			if err == nil {
				if err := closeWithin(n, waitLimit); err != nil {
					t.Error(err)
				}
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "":
			case err == nil || !strings.Contains(err.Error(), ": "+test.want+"; ") || !strings.Contains(err.Error(), "AllowLoop"):
				t.Errorf("error %v, want the cycle %s", err, test.want)
			case len(config.FieldErrors(err)) != 1:
				t.Errorf("more than one error: %v", err)
			}
		})
	}
}

// badType passes for an Event and has another subject.
type badType struct{ mesh.EventType }

func (badType) Subject() string { return "core.*.taken" }

func TestABadDeclarationFailsAtOpen(t *testing.T) {
	_, err := mesh.Open(t.Context(), mesh.Config{Name: "core-1", Handlers: []mesh.Handler{stepTaken.Handle("bad", ignore, mesh.Emits(badType{stepTaken}))}})
	if err == nil || !strings.Contains(err.Error(), `handler bad declares that it emits "core.*.taken"`) {
		t.Errorf("error %v", err)
	}
}

// Three nodes that hand an event round: none sees the cycle, all together do.
func TestTheGraphOfSeveralNodes(t *testing.T) {
	services := []string{"a", "b", "c"}
	var events []*mesh.Event[step]
	for _, s := range services {
		events = append(events, mesh.NewEvent[step](s+".token.passed", mesh.AllowLoop[step](2)))
	}
	var configs []mesh.Config
	for i, s := range services {
		before := events[(i+2)%3]
		configs = append(configs, mesh.Config{Name: s + "-1",
			Exports: []mesh.Export{events[i].Export(mesh.Limit{})},
			Imports: []mesh.Import{before.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{before.Handle("pass", func(ctx context.Context, v step) error {
				if err := events[i].Emit(ctx, v); !errors.Is(err, mesh.ErrCascade) {
					return err
				}
				return nil
			})}})
	}
	nodes := openAll(t, configs...)
	emitStep(t, nodes[0], events[0], step{})
	await(t, "the token to stop", func() bool { return nodes[0].Stats().Total(stats.Refused) == 1 })
	var graphs []graph.Graph
	for i, n := range nodes {
		await(t, "the last count", func() bool { return n.Graph().Edges[0].Handled == 3 })
		g := n.Graph()
		if len(g.Edges) != 1 || len(g.Cycles) != 0 {
			t.Errorf("node %d: %+v", i, g)
		}
		graphs = append(graphs, g)
	}
	whole := graph.Merge(graphs...)
	if len(whole.Edges) != 3 || len(whole.Cycles) != 1 || len(whole.Cycles[0].Types) != 3 || len(whole.Nodes) != 3 {
		t.Fatalf("merged: %+v", whole)
	}
	// Each passes one on for each, the last one in vain.
	if gain, refused := whole.Cycles[0].Gain, whole.Edges[2].Refused; gain != 1 || refused != 1 {
		t.Errorf("gain %g, %d refused", gain, refused)
	}
	for _, typ := range whole.Types {
		if !typ.Exported || !typ.Imported {
			t.Errorf("%+v: want it exported and imported", typ)
		}
	}
	if text := whole.Mermaid(); !strings.Contains(text, `["a.token.passed (exported, imported)"]`) || !strings.Contains(text, `-->|"b/pass ×1"|`) {
		t.Errorf("drawn as\n%s", text)
	}
}

func TestMergingAddsUp(t *testing.T) {
	edge := func(count, handled uint64) graph.Edge {
		return graph.Edge{From: "a.b.c", To: "a.b.d", Handler: "h", Service: "a", Count: count, Handled: handled}
	}
	one := graph.Graph{Nodes: []string{"a-1"}, Types: []graph.Type{{Type: "a.b.c", Exported: true}}, Edges: []graph.Edge{edge(30, 10)}, Other: 1}
	two := graph.Graph{Nodes: []string{"a-2"}, Types: []graph.Type{{Type: "a.b.c", Imported: true}}, Edges: []graph.Edge{edge(10, 30)}, Other: 2}
	g := graph.Merge(one, two)
	want := edge(40, 40)
	want.Factor = 1
	if len(g.Edges) != 1 || g.Edges[0] != want || g.Other != 3 || g.Types[0] != (graph.Type{Type: "a.b.c", Exported: true, Imported: true}) {
		t.Errorf("merged %+v", g)
	}
	text, err := json.Marshal(graph.Merge())
	if err != nil || string(text) != `{"nodes":[],"types":[],"edges":[],"cycles":[]}` {
		t.Errorf("the empty graph is %s, %v", text, err)
	}
}
