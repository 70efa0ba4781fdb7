package browser

import (
	"leafmesh/mesh"
	"slices"
	"testing"
	"time"
)

// cell gives the text of a cell: of the row that begins with a text, in the table of a caption.
func cell(table, row, column string) string {
	return `((t) => [...t.tBodies[0].rows].find((r) => r.innerText.replace(/\s+/g, " ").startsWith(` + quoted(row) + `))?.cells[[...t.tHead.rows[0].cells].findIndex((c) => c.innerText === ` + quoted(column) + `)]?.innerText)` +
		`([...document.querySelectorAll("table")].find((t) => t.caption.innerText === ` + quoted(table) + `) || {tBodies: [{rows: []}], tHead: {rows: [{cells: []}]}})`
}

// The page shows nodes, links and types of a mesh, and that events move: in numbers and in
// pictures.
func TestEventsMove(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	p.await("events that are handled", `Number(`+cell("Nodes", "shop-1", "Handled / s")+`) > 0`)
	p.await("events that leave", `Number(`+cell("Event types", "shop.order.accepted", "Exported / s")+`) > 0`)
	p.await("events that stay", `Number(`+cell("Event types", "bank.invoice.written", "Local / s")+`) > 0`)
	p.await("a link", cell("Links", "shop-1 bank-1", "State")+` === "linked"`)
	for _, which := range []string{"first", "last"} {
		stage := `[...document.querySelectorAll(".stage canvas[aria-hidden]")].at(` + map[string]string{"first": "0", "last": "-1"}[which] + `)`
		before := eval[string](p, stage+`.toDataURL()`)
		p.await("another picture on the "+which+" stage", stage+`.toDataURL() !== `+quoted(before))
	}
	p.picture("live")
	p.scheme("dark")
	p.await("a dark page", `getComputedStyle(document.body.parentElement).backgroundColor === "rgb(22, 23, 21)"`)
	p.picture("live-dark")
}

// A link that breaks is seen within two seconds, and so is its return.
func TestABrokenLinkIsSeen(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	state := cell("Links", "shop-1 bank-1", "State")
	p.await("the link", state+` === "linked"`)
	shop := s.nodes.Node("shop-1")
	before := shop.Peers()
	without := slices.DeleteFunc(slices.Clone(before), func(p mesh.Peer) bool { return p.Name == "bank-1" })
	if err := shop.SetPeers(without); err != nil { // it closes the link before it returns
		t.Fatal(err)
	}
	took := p.await("the broken link", state+` === "broken"`)
	t.Logf("a broken link was seen after %v", took.Round(time.Millisecond))
	if took > 2*time.Second {
		t.Errorf("a broken link was seen after %v, want two seconds at most", took)
	}
	p.picture("broken-link")
	if err := shop.SetPeers(before); err != nil {
		t.Fatal(err)
	}
	p.await("the link's return", state+` === "linked"`)
}

// A peer that may import, and imports nothing, has no broken link.
func TestAnUnusedLinkIsNotBroken(t *testing.T) {
	s := openShop(t)
	store := s.nodes.Node("store-1")
	peers := store.Peers()
	for _, p := range s.nodes.Node("shop-1").Peers() {
		if p.Name == "bank-1" {
			p.MayImport = mesh.AllExports()
			peers = append(peers, p)
		}
	}
	if err := store.SetPeers(peers); err != nil {
		t.Fatal(err)
	}
	p := open(t, s.url)
	p.await("the link", cell("Links", "store-1 bank-1", "State")+` === "unused"`)
	p.picture("unused-link")
}
