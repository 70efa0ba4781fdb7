package browser

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
	"leafmesh/mesh/inproc"
)

// An operator is offered what the node lets them change, and nothing elsewhere; who may only read
// is told so.
func TestButtonsAreForThoseWhoMay(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string, may config.May, handlers ...mesh.Handler) mesh.Config {
		return mesh.Config{Name: name, Operators: []mesh.Operator{{Name: "ada", Key: key, May: may}}, Handlers: handlers,
			Limits: []mesh.Rule{{Name: "calm", Event: placed.Subject(), Place: mesh.AtHandler, Limit: mesh.Limit{Rate: 100, Burst: 5}}}}
	}
	rest := func(context.Context, order) error { return nil }
	for name, test := range map[string]struct {
		second config.May
		says   string
		shown  []string
	}{
		"changes one": {config.MayChange, "You may change store-2.", []string{"Change calm of shop.order.placed at handler of each on store-2", "Cut shop.order.placed at handler look on store-2"}},
		"reads":       {config.MayRead, "You may only look", nil},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := at("shop-1", config.MayRead, placed.Handle("look", rest)), at("store-2", test.second, placed.Handle("look", rest))
			first.Exports, second.Imports = []mesh.Export{placed.Export(mesh.Limit{})}, []mesh.Import{placed.Import(mesh.Limit{}, mesh.Shared)}
			nodes, err := inproc.Open(t.Context(), first, second)
			if err != nil {
				t.Fatal(err)
			}
			everywhere := &console.Everywhere{Mesh: console.Linked{Node: nodes[0], Operator: pair}}
			c := console.New(console.Options{Source: everywhere, Changer: everywhere, Private: true})
			server, err := door.Serve(door.Config{Listen: "127.0.0.1:0"}, c)
			if err != nil {
				t.Fatal(err)
			}
			server.OnClose(c.Close)
			t.Cleanup(func() { closeAll(t, server, nodes) })
			ready, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if err := nodes.Ready(ready); err != nil {
				t.Fatal(err)
			}
			p := open(t, server.URL()+c.Invite())
			p.click("Limits")
			p.await("the rules of both nodes", cell("Limits", "calm shop-1", "Limit")+` && `+cell("Limits", "calm store-2", "Limit"))
			p.has(test.says)
			const buttons = `[...document.querySelectorAll("td button")].filter((b) => b.checkVisibility()).map((b) => b.getAttribute("aria-label")).join("; ")`
			if got, want := eval[string](p, buttons), strings.Join(test.shown, "; "); got != want {
				t.Errorf("the page offers %q, want %q", got, want)
			}
			if test.shown == nil {
				p.click("Letters")
				p.has("Dead letters are events")
				p.has(test.says)
			}
		})
	}
}
