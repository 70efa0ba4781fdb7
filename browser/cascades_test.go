package browser

import (
	"strings"
	"testing"
)

// From the list to a failing cascade: the handler that failed and the way to it are in view, and
// the link leads there again.
func TestAFailingCascade(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	p.click("Cascades")
	p.await("the address of the list", `location.pathname === "/cascades"`)
	failing := `[...document.querySelectorAll("tbody tr")].find((r) => r.innerText.includes("dead-lettered") && r.innerText.includes("no such account"))`
	p.await("a cascade that failed", failing)
	p.picture("cascades")
	eval[bool](p, `(`+failing+`.querySelector("a").click(), true)`)
	p.await("the failing handler in view", `((e) => e && e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0)(document.querySelector(".tree .step.bad"))`)
	if step := eval[string](p, `document.querySelector(".tree .step.bad").innerText`); !strings.Contains(step, "bank-1") {
		t.Errorf("the step that failed is %q", step)
	}
	if way := eval[string](p, `document.querySelector(".way").innerText`); !strings.Contains(way, "shop.order.placed customer-7 → shop.order.accepted customer-7") {
		t.Errorf("the way is %q", way)
	}
	if marked := eval[int](p, `document.querySelectorAll(".tree .event.path").length`); marked < 2 {
		t.Errorf("%d events are marked on the way", marked)
	}
	if bars := eval[int](p, `document.querySelectorAll(".tree svg rect.failed").length`); bars == 0 {
		t.Error("no failure is on the timeline")
	}
	p.picture("cascade")

	shared := eval[string](p, `location.href`)
	if !strings.Contains(shared, "/cascade/") {
		t.Errorf("the address is %s", shared)
	}
	other := open(t, shared)
	other.has("no such account")
	p.do(back)
	p.await("the list again", failing)

	// A line of a log leads there, too.
	id := shared[strings.LastIndex(shared, "/")+1:]
	eval[bool](p, `((i) => { i.value = "level=WARN event=" + `+quoted(id)+` + " …"; i.form.requestSubmit(); return true; })(document.querySelector("input[name=of]"))`)
	p.await("the cascade of a line of a log", `location.pathname === "/cascade/`+id+`" && document.querySelector(".tree")`)
}

// Before the nodes have answered, the lists do not say that there is nothing.
func TestNothingIsSaidBeforeTheFirstAnswer(t *testing.T) {
	s := openShop(t)
	p := open(t, s.url)
	eval[bool](p, `(window.fetch = ((ask) => (what, ...rest) => String(what).includes("/api/cascades") ? new Promise((go) => { window.answer = () => go(ask(what, ...rest)); }) : ask(what, ...rest))(window.fetch), true)`)
	p.click("Cascades")
	p.await("the page", `location.pathname === "/cascades" && window.answer`)
	if text := eval[string](p, `document.querySelector("main").innerText`); strings.Contains(text, "No cascade went wrong") || strings.Contains(text, "Nothing was measured") || strings.Count(text, "Asking the nodes…") != 2 {
		t.Errorf("before the first answer the page says %s", text)
	}
	eval[bool](p, `(window.answer(), true)`)
	p.await("the answer", `!document.querySelector("main").innerText.includes("Asking the nodes…")`)
}
