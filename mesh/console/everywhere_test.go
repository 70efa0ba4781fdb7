package console

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// The console of one node shows all of a chain of nodes, each with a server of its own, a cascade that
// went over all of them, and by name one that does not answer.
func TestEverywhere(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	ada := []mesh.Operator{{Name: "ada", Key: key, May: config.MayRead}}
	counted, told := mesh.NewEvent[step]("score.step.counted"), mesh.NewEvent[step]("print.step.told")
	nodes := open(t,
		mesh.Config{Name: "core-1", Operators: ada, Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Operators: ada, Exports: []mesh.Export{counted.Export(mesh.Limit{})}, Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(ctx context.Context, s step) error { return counted.Emit(ctx, s) })}},
		mesh.Config{Name: "print-1", Operators: ada, Imports: []mesh.Import{counted.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			counted.Handle("print", func(ctx context.Context, s step) error { return told.Emit(ctx, s) }),
			told.Handle("fail", func(context.Context, step) error { return errors.New("no paper") }, mesh.Retry{Tries: 1})}})
	s := serve(t, Options{Source: &Everywhere{nodes.Node("core-1"), pair}})
	asked := func(seen snapshot) (names []string) {
		for _, n := range seen.Nodes {
			if n.Asked && n.Problem == "" {
				names = append(names, n.Name)
			}
		}
		return names
	}
	watch(t, s, func(seen snapshot) bool {
		return strings.Join(asked(seen), " ") == "core-1 print-1 score-1" && len(seen.Links) == 2 && seen.Links[0].Up && seen.Links[1].Up
	})
	if err := stepTaken.Emit(nodes.Node("core-1").Context(within(t)), step{Team: "otters"}); err != nil {
		t.Fatal(err)
	}
	var list cascadesView
	await(t, "the cascade in the list", func() bool {
		get(t, s.URL()+"/api/cascades", &list)
		return len(list.Wrong) > 0 && list.Wrong[0].Worst.Outcome == "failed"
	})
	if c := list.Wrong[0]; c.Began != "core.step.taken" || c.Worst.Node != "print-1" || len(list.Problems) != 0 {
		t.Errorf("in the list: %+v, problems %+v", c, list.Problems)
	}
	var x explanationView
	get(t, s.URL()+"/api/cascade?of="+list.Wrong[0].Root.String(), &x)
	if want := "core.step.taken otters → score.step.counted → print.step.told"; strings.Join(x.Path, " → ") != want || !strings.Contains(x.Verdict, "no paper") {
		t.Errorf("the path %q, want %q; %s", x.Path, want, x.Verdict)
	}
	var limits limitsView
	get(t, s.URL()+"/api/limits", &limits)
	places := map[string]bool{}
	for _, p := range limits.Places {
		places[p.Node+" "+p.Type+" "+p.Place.Place] = true
	}
	if !places["print-1 score.step.counted handler print"] || !places["core-1 core.step.taken export"] || len(limits.Problems) != 0 {
		t.Errorf("places %v, problems %+v", places, limits.Problems)
	}
	if err := nodes.Node("print-1").Close(within(t)); err != nil {
		t.Fatal(err)
	}
	watch(t, s, func(seen snapshot) bool {
		for _, n := range seen.Nodes {
			if n.Name == "print-1" {
				return n.Asked && n.Problem == errSilent.Error() && strings.Join(asked(seen), " ") == "core-1 score-1"
			}
		}
		return false
	})
}

// Who signs with a key that the nodes do not know is told so on each page.
func TestEverywhereOfAnUnknownOperator(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	nodes := open(t, mesh.Config{Name: "core-1"})
	s := serve(t, Options{Source: &Everywhere{nodes[0], pair}})
	var list cascadesView
	get(t, s.URL()+"/api/cascades", &list)
	if len(list.Problems) == 0 || list.Problems[0].Node != "core-1" || !strings.Contains(list.Problems[0].Error, "node core-1 knows no operators: name them under operators in its file") {
		t.Errorf("problems %+v", list.Problems)
	}
	if _, err := NewEverywhere(nodes[0], mesh.NewSecret("no seed at all")); err == nil || strings.Contains(err.Error(), "no seed at all") {
		t.Errorf("a wrong seed: %v", err)
	}
}
