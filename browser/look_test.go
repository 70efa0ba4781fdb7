package browser

import (
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// back goes to the page before.
var back = chromedp.NavigateBack()

var views = []string{"/", "/cascades", "/limits", "/letters"}

// All that can be used has a name for a screen reader, and the page fits a phone.
func TestNamesAndAPhone(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	p.await("events", `document.querySelectorAll("td").length > 10`)
	for _, view := range views {
		p.width(1280, 860)
		p.visit(s.url + view)
		p.await("the content of "+view, `document.querySelectorAll("main tbody tr").length > 0`)
		tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, node := range tree.Nodes {
			role := text(node.Role)
			switch role {
			case "button", "link", "textbox", "searchbox", "combobox", "spinbutton", "image", "img", "table", "region", "meter", "navigation", "dialog":
				if seen++; text(node.Name) == "" && !node.Ignored {
					t.Errorf("%s: a %s has no name", view, role)
				}
			}
		}
		if seen < 5 {
			t.Errorf("%s: %d things have a role", view, seen)
		}
		p.width(390, 844)
		p.await("room on a phone for "+view, `document.documentElement.scrollWidth <= innerWidth`)
		if view == "/" {
			p.picture("phone")
		}
	}
}

// text is what a value of the accessibility tree says.
func text(v *accessibility.Value) string {
	if v == nil || len(v.Value) < 2 {
		return ""
	}
	return string(v.Value[1 : len(v.Value)-1])
}

// A keyboard is enough: Tab reaches the menu, Enter opens a view and a dialog, Escape closes it.
func TestAKeyboardIsEnough(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	p.await("events", `document.querySelectorAll("td").length > 10`)
	tabTo := func(name string) {
		t.Helper()
		for range 60 {
			p.do(chromedp.KeyEvent(kb.Tab))
			if eval[string](p, `(document.activeElement.getAttribute("aria-label") || document.activeElement.innerText || "").trim()`) == name {
				return
			}
		}
		t.Fatalf("Tab does not reach %q", name)
	}
	tabTo("Skip to the content")
	tabTo("Limits")
	if outline := eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
		t.Error("what has the focus is not seen to have it")
	}
	p.do(chromedp.KeyEvent(kb.Enter))
	p.await("the limits", `location.pathname === "/limits" && document.querySelector("table button:not([hidden])")`)
	tabTo("Change few-orders of shop.order.placed at emit on shop-1")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.await("the dialog", `document.querySelector("dialog[open]")`)
	p.do(chromedp.KeyEvent(kb.Escape))
	p.await("its end", `!document.querySelector("dialog")`)
	p.await("the focus where it was", `document.activeElement.getAttribute("aria-label")?.startsWith("Change few-orders")`)
}
