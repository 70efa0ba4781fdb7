package browser

import (
	"strings"
	"testing"

	"leafmesh/mesh"
)

// A limit is changed on the page: the node obeys, and the page shows what it stops. So is a cut.
func TestALimitIsChanged(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url+"/limits")
	few := "few-orders shop-1"
	p.await("the use of the limit", `Number(`+cell("Limits", few, "Passes / s")+`) > 10`)
	p.picture("limits")
	p.click("Change few-orders of shop.order.placed at emit on shop-1")
	p.await("the dialog", `document.querySelector("dialog[open] input[name=rate]") === document.activeElement`)
	eval[bool](p, `(document.querySelector("dialog input[name=rate]").value = "many", document.querySelector("dialog form").requestSubmit(), true)`)
	p.await("what is wrong with it", `document.querySelector("dialog [role=alert]").innerText.includes("200/s")`)
	eval[bool](p, `(document.querySelector("dialog input[name=rate]").value = "5/s", document.querySelector("dialog input[name=burst]").value = "1", document.querySelector("dialog form").requestSubmit(), true)`)
	p.await("the end of the dialog", `!document.querySelector("dialog")`)
	p.await("the new limit", cell("Limits", few, "Limit")+` === "5/s, burst 1, shed"`)
	p.await("what it stops", `Number(`+cell("Limits", few, "Stops / s")+`) > 10`)
	if rule := s.nodes.Node("shop-1").Rules()[0]; rule.Limit != (mesh.Limit{Rate: 5, Burst: 1, Policy: mesh.Shed}) {
		t.Errorf("the node has %+v", rule)
	}
	p.click("Live")
	p.await("sheds that glow", `document.querySelector("td.hot")`)
	p.picture("shed")

	p.click("Limits")
	p.click("Cut bank.invoice.written at handler book on bank-1")
	p.await("the cut", cell("Cuts", "bank.invoice.written bank-1", "State")+`?.startsWith("cut")`)
	cut := false
	for _, place := range s.nodes.Node("bank-1").Places() {
		cut = cut || place.Cut && place.Place == "handler book"
	}
	if !cut {
		t.Error("the node has cut nothing")
	}
	p.click("Restore bank.invoice.written at handler book on bank-1")
	p.await("its end", cell("Cuts", "bank.invoice.written bank-1", "State")+` === "open"`)
}

// A dead letter is replayed on the page, and the page says why it fails again.
func TestALetterIsReplayed(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url+"/letters")
	p.has("no such account")
	p.await("what comes again", cell("Retried: what waits in the outboxes to come again", "shop.order.accepted shop-1", "For")+` === "bank"`)
	p.picture("letters")
	p.click("Replay shop.order.accepted of bill")
	p.await("why it fails", `document.querySelector("p.problem").innerText.includes("replay letter")`)
	if text := eval[string](p, `document.querySelector("p.problem").innerText`); !strings.Contains(text, "no such account") {
		t.Errorf("it says %q", text)
	}
}
