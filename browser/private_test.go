package browser

import (
	"context"
	"strings"
	"testing"

	"leafmesh/mesh/console"
	"leafmesh/mesh/door"
)

// Who opens the address of a private console first sees the mesh, in other tabs and after a reload
// too, and the address loses its secret. Another browser gets the page and nothing in it.
func TestAPrivateConsole(t *testing.T) {
	s := openShop(t)
	nodes := console.Nodes(s.nodes)
	c := console.New(console.Options{Source: nodes, Changer: nodes, Private: true})
	server, err := door.Serve(door.Config{Listen: "127.0.0.1:0"}, c)
	if err != nil {
		t.Fatal(err)
	}
	server.OnClose(c.Close)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p := open(t, server.URL()+c.Invite())
	well := cell("Nodes", "shop-1", "State") + ` === "well"`
	p.await("the mesh", well)
	if at := eval[string](p, `location.href`); at != server.URL()+"/" {
		t.Errorf("the address is %s", at)
	}
	p.visit(server.URL() + "/limits")
	p.click("Cut bank.invoice.written at handler book on bank-1")
	p.await("the cut", cell("Cuts", "bank.invoice.written bank-1", "State")+`?.startsWith("cut")`)
	p.visit(server.URL() + "/")
	p.await("the mesh once more", well)

	other := open(t, server.URL()+"/")
	other.has("run meshctl console")
	other.frames(60)
	if text := eval[string](other, `document.body.innerText`); strings.Contains(text, "shop") {
		t.Errorf("a stranger sees %q", text)
	}
}
