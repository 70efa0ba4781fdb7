package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
)

// get asks for JSON.
func get(t testing.TB, url string, into any) {
	t.Helper()
	response, text := send(t, http.MethodGet, url, "")
	if response.StatusCode != 200 {
		t.Fatalf("%s: status %d: %s", url, response.StatusCode, text)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: %v: %s", url, err, text)
	}
}

// A cascade that fails on another node is in the list, and its page has the way to the handler that
// failed.
func TestAFailingCascade(t *testing.T) {
	stepFailed := mesh.NewEvent[step]("score.step.counted")
	nodes := open(t, mesh.Config{Name: "core-1", Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)}, Handlers: []mesh.Handler{
			stepTaken.Handle("add", func(ctx context.Context, s step) error { return stepFailed.Emit(ctx, s) }),
			stepFailed.Handle("announce", func(context.Context, step) error { return errors.New("no paper") }, mesh.Retry{Tries: 2, FirstPause: 4 * time.Millisecond})}})
	nodes[0].Measure()
	nodes[1].Measure()
	s := serve(t, Options{Source: Nodes(nodes)})
	if err := stepTaken.Emit(nodes[0].Context(within(t)), step{Team: "otters"}); err != nil {
		t.Fatal(err)
	}
	var list cascadesView
	await(t, "the cascade in the list", func() bool {
		get(t, s.URL()+"/api/cascades", &list)
		return len(list.Wrong) > 0 && list.Wrong[0].Worst.Outcome == "failed" && len(list.Slow) > 0 // asked beside each other
	})
	c := list.Wrong[0]
	if c.Began != "core.step.taken" || c.Node != "core-1" || c.Worst.Type != "score.step.counted" || c.Worst.Place != "handler announce" || c.Worst.Error != "no paper" {
		t.Errorf("in the list: %+v", c)
	}
	if list.Slow[0].Root != c.Root || list.Slow[0].Took <= 0 || len(list.Problems) != 0 {
		t.Errorf("the slowest: %+v, problems %+v", list.Slow, list.Problems)
	}
	for _, of := range []string{c.Root.String(), "msg=x root=" + c.Root.String() + " …"} {
		var x explanationView
		get(t, s.URL()+"/api/cascade?of="+url.QueryEscape(of), &x)
		if !x.Found || strings.Join(x.Path, " → ") != "core.step.taken otters → score.step.counted" || !strings.Contains(x.Verdict, "no paper") || x.Lasted <= 0 {
			t.Errorf("%q is explained as %+v", of, x)
		}
		root := x.Cascades[0]
		effect := root.Effects[0]
		bad := effect.Steps[0]
		if root.At != 0 || !root.OnPath || !effect.OnPath || !bad.Bad || bad.Errors[0].Count != 2 || bad.At <= 0 || bad.Took < int64(time.Millisecond) {
			t.Errorf("the tree: %+v", root)
		}
	}
}

func TestWhatIsNoCascade(t *testing.T) {
	s := serve(t, Options{Source: Nodes(open(t, mesh.Config{Name: "core-1"}))})
	var x explanationView
	get(t, s.URL()+"/api/cascade?of="+mesh.NewID().String(), &x)
	if x.Found || !strings.Contains(x.Verdict, "Nothing is known") || len(x.Cascades) != 0 {
		t.Errorf("%+v", x)
	}
	for _, of := range []string{"", "otters"} {
		if response, text := send(t, http.MethodGet, s.URL()+"/api/cascade?of="+of, ""); response.StatusCode != 400 || !strings.Contains(text, "no id in it") {
			t.Errorf("%q: status %d, %s", of, response.StatusCode, text)
		}
	}
}
