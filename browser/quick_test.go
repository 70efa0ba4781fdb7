package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"leafmesh/mesh/console"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

// large is a source of 50 nodes in a full mesh, and 200 types that lead to each other, all busy.
type large struct {
	console.Source
	asked atomic.Int64
}

const largeNodes, largeTypes = 50, 200

func nodeName(i int) string { return fmt.Sprintf("s%d-1", i) }

func typeName(i int) string { return fmt.Sprintf("s%d.thing%d.done", i%largeNodes, i) }

func (l *large) Stats(context.Context) (all []console.Answer[stats.Stats]) {
	n := uint64(l.asked.Add(1))
	for i := range largeNodes {
		s := stats.Stats{Node: nodeName(i)}
		for j := range largeNodes {
			if j != i {
				s.Links = append(s.Links, stats.Link{Peer: nodeName(j), Direction: "imports", Connected: (i*j)%97 != 1, MessagesIn: n * uint64((i*j)%7) * 20})
			}
		}
		for j := i; j < largeTypes; j += largeNodes {
			s.Counts = append(s.Counts, stats.Count{Type: typeName(j), Outcome: stats.Admitted, Count: n * uint64(50+j+int(n)%7)},
				stats.Count{Type: typeName(j), Outcome: stats.Exported, Count: n * uint64(j%5) * 10}, stats.Count{Type: typeName(j), Outcome: stats.Handled, Count: n * uint64(60+j)},
				stats.Count{Type: typeName(j), Outcome: stats.Shed, Place: "emit", Rule: "few", Count: n * uint64(j%11/10)})
		}
		all = append(all, console.Answer[stats.Stats]{Node: s.Node, Value: s})
	}
	return all
}

func (l *large) Graph(context.Context) []console.Answer[graph.Graph] {
	g := graph.Graph{Nodes: []string{"all"}}
	for j := range largeTypes {
		g.Types = append(g.Types, graph.Type{Type: typeName(j), Exported: j%3 == 0})
		for _, to := range []int{j + 40, j + 43} {
			if to < largeTypes {
				g.Edges = append(g.Edges, graph.Edge{From: typeName(j), To: typeName(to), Handler: "h", Service: fmt.Sprintf("s%d", j%7), Count: uint64(l.asked.Load()) * uint64(20+j)})
			}
		}
	}
	return []console.Answer[graph.Graph]{{Node: "all", Value: graph.Merge(g)}}
}

// With 50 nodes and 200 types the page's script and layout take few milliseconds a frame, and the
// first paint comes soon. The numbers are printed; a busy machine fails no test by them.
func TestQuick(t *testing.T) {
	server, err := console.Serve(console.Config{Listen: "127.0.0.1:0"}, console.Options{Source: &large{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p := open(t, server.URL())
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>plain</title><p>Hello.</p>")
	}))
	t.Cleanup(plain.Close)
	cold := p.firstPaint()
	var painted, hello []float64
	for range 9 {
		p.visit(plain.URL)
		hello = append(hello, p.firstPaint())
		p.visit(server.URL())
		painted = append(painted, p.firstPaint())
	}
	p.await("the types", fmt.Sprintf(`document.querySelectorAll("tbody tr").length >= %d`, largeNodes+largeTypes))
	p.frames(180) // until it has found its pace
	p.picture("large")
	if _, err := chromedp.Call(p.ctx, performance.Enable, performance.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	const measured = 5 * time.Second
	eval[bool](p, `(window.frames_seen = 0, (function count() { window.frames_seen++; requestAnimationFrame(count); })(), true)`)
	before := costs(p)
	time.Sleep(measured)
	after, frames := costs(p), eval[float64](p, `window.frames_seen`)
	if frames < 10 {
		t.Fatalf("%v frames in %v", frames, measured)
	}
	script, layout := 1000*(after["ScriptDuration"]-before["ScriptDuration"])/frames, 1000*(after["LayoutDuration"]+after["RecalcStyleDuration"]-before["LayoutDuration"]-before["RecalcStyleDuration"])/frames
	slices.Sort(painted)
	slices.Sort(hello)
	t.Logf("first paint after %.0f ms in the median of %.0f (aim: 200), %.0f in a browser that has just started; a page of one word has %.0f, of %.0f",
		painted[len(painted)/2], painted, cold, hello[len(hello)/2], hello)
	t.Logf("a frame takes %.2f ms of script and %.2f ms of layout (aim: 8 together), %.0f frames a second", script, layout, frames/measured.Seconds())
	if painted[0] <= 0 || script <= 0 {
		t.Error("nothing was measured")
	}
}

// firstPaint is the time from the page's begin to its first content, in milliseconds. It does not
// ask again and again: that would cost the page time.
func (p *tab) firstPaint() float64 {
	p.t.Helper()
	return eval[float64](p, `new Promise((told) => new PerformanceObserver((list) => {
		const first = list.getEntriesByName("first-contentful-paint")[0];
		if (first) told(first.startTime);
	}).observe({type: "paint", buffered: true}))`)
}

// costs are what Chromium has measured of the page, in seconds.
func costs(p *tab) map[string]float64 {
	p.t.Helper()
	result, err := chromedp.Call(p.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		p.t.Fatal(err)
	}
	named := map[string]float64{}
	for _, m := range result.Metrics {
		named[m.Name] = m.Value
	}
	return named
}
