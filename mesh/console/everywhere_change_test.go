package console

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// From the console of one node an operator changes another one and no third, if that node lets
// them.
func TestEverywhereChanges(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	may := func(what config.May) []mesh.Operator { return []mesh.Operator{{Name: "ada", Key: key, May: what}} }
	few := mesh.Rule{Name: "few", Event: "core.step.taken", Place: mesh.AtHandler, Handler: "add", By: mesh.ByKey, Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 3, Policy: mesh.Refuse}}
	adds := func(name string, what config.May) mesh.Config {
		return mesh.Config{Name: name, Operators: may(what), Limits: []mesh.Rule{few}, Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}}
	}
	nodes := open(t, mesh.Config{Name: "core-1", Operators: may(config.MayRead), Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}},
		adds("score-1", config.MayChange), adds("print-1", config.MayRead))
	everywhere := &Everywhere{Linked{nodes[0], pair}}
	s := serve(t, Options{Source: everywhere, Changer: everywhere})
	for _, view := range []string{"limits", "letters"} { // a page offers what a node lets the operator do
		if _, text := send(t, http.MethodGet, s.URL()+"/api/"+view, ""); !strings.Contains(text, `"changes":["score-1"]`) {
			t.Errorf("the view of %s is %s", view, text)
		}
	}
	limit := mesh.Limit{Rate: 50, Burst: 7, Policy: mesh.Shed}
	for _, test := range []struct {
		node string
		want int
		says string
	}{
		{"score-1", 200, "{}"},
		{"print-1", 422, "operator ada may not change anything on node print-1: write may: change there"},
		{"gone-1", 422, errSilent.Error()},
		{"score-1 and more", 422, "no node has the name"},
		{"*", 422, "no node has the name"},
	} {
		if status, text := post(t, s, "/api/cut", cutChange{test.node, "core.step.taken", "handler add", true}); status != test.want || !strings.Contains(text, test.says) {
			t.Errorf("cut on %s: status %d, %s", test.node, status, text)
		}
		if status, text := post(t, s, "/api/letter/drop", letterChange{test.node, "none"}); status != 422 || test.want == 422 && !strings.Contains(text, test.says) {
			t.Errorf("drop on %s: status %d, %s", test.node, status, text)
		}
		if status, text := post(t, s, "/api/limit", limited(test.node, few.WithDefaults().Identity(), limit)); status != test.want || !strings.Contains(text, test.says) {
			t.Errorf("limit on %s: status %d, %s", test.node, status, text)
		}
	}
	for _, n := range nodes[1:] {
		changed := n.Name() == "score-1"
		for _, p := range n.Places() {
			if p.Place == "handler add" && p.Cut != changed {
				t.Errorf("%s: %+v", n.Name(), p)
			}
		}
		for _, r := range n.Rules() {
			if r.Name == "few" && (r.Limit == limit) != changed {
				t.Errorf("%s: %+v", n.Name(), r)
			}
		}
	}
	if status, text := post(t, s, "/api/cut", cutChange{"score-1", "core.step.taken", "handler add", false}); status != 200 || nodes[1].Places()[0].Cut {
		t.Errorf("restore: status %d, %s", status, text)
	}
}
