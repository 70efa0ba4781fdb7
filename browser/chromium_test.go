package browser

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds every wait; no wait ends by it unless something is broken.
const patience = 30 * time.Second

var screenshots = flag.String("screenshots", "", "write pictures of the pages to this folder")

// chromium finds the browser, or skips the test by name. In CI it must be there.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no chromium: in CI it is installed by .ci/run")
	}
	t.Skip("there is no chromium: install Debian's package chromium for this test")
	return ""
}

// tab is a page in a browser of its own.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string // guarded by mu: errors of scripts, and what the page's policy forbids
}

// open opens a page, light and of a desk's width.
func open(t *testing.T, url string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 { // Chromium's sandbox is not for root
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		endTab()
		end()
	})
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 860)); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	p.scheme("light")
	p.visit(url)
	t.Cleanup(p.check)
	return p
}

// hear notes what goes wrong on the page.
func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		text := event.ExceptionDetails.Text
		if e := event.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		p.problems = append(p.problems, text)
	case *log.EventEntryAdded:
		if strings.Contains(event.Entry.Text, "Content Security Policy") {
			p.problems = append(p.problems, event.Entry.Text)
		}
	}
}

// check tells of what went wrong on the page while the test ran.
func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, problem := range p.problems {
		p.t.Errorf("on the page: %s", problem)
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) visit(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// scheme says whether the page is light or dark.
func (p *tab) scheme(name string) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia,
		emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *tab) width(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// eval gives the value of an expression on the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// await waits until an expression on the page is true, and returns how long that took.
func (p *tab) await(what, expression string) time.Duration {
	p.t.Helper()
	begun := time.Now()
	for !eval[bool](p, "Boolean("+expression+")") {
		if time.Since(begun) > patience {
			p.t.Fatalf("waited in vain for %s on a page that says:\n%s", what, eval[string](p, "document.body.innerText"))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(begun)
}

// has waits until the page shows a text.
func (p *tab) has(text string) {
	p.t.Helper()
	p.await("the text "+text, "document.body.innerText.includes("+quoted(text)+")")
}

// click clicks what a person would know by its text or its name.
func (p *tab) click(name string) {
	p.t.Helper()
	find := `[...document.querySelectorAll("a, button, summary")].find((e) => (e.getAttribute("aria-label") || e.innerText).trim() === ` + quoted(name) + `)`
	p.await("something to click by the name "+name, find)
	eval[bool](p, `(`+find+`.click(), true)`)
}

// quoted makes a literal of JavaScript.
func quoted(text string) string {
	return "String.raw`" + strings.NewReplacer("`", "'", "$", "").Replace(text) + "`"
}

// frames waits until the page has drawn so many frames: what moves and fades has come to rest then.
func (p *tab) frames(n int) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`new Promise((drawn) => { let left = %d; (function next() { left-- > 0 ? requestAnimationFrame(next) : drawn(true); })(); })`, n))
}

// picture writes what the page shows once it has come to rest, if pictures are wanted.
func (p *tab) picture(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	p.frames(120)
	image, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(*screenshots, name+".png"), image, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}
