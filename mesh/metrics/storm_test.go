package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// storm floods a node from two goroutines, with many types, until the returned function is called.
func storm(t testing.TB) (node *mesh.Node, calm func()) {
	var handlers []mesh.Handler
	var types []*mesh.Event[step]
	for i := range 200 {
		made := mesh.NewEvent[step](fmt.Sprintf("core.storm%d.raged", i))
		types = append(types, made)
		handlers = append(handlers, made.Handle(fmt.Sprint("count ", i), func(context.Context, step) error { return nil }))
	}
	node = open(t, mesh.Config{Name: "core-1", Handlers: handlers})[0]
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	for range cap(ended) {
		go func() {
			defer func() { ended <- struct{}{} }()
			for i := 0; ctx.Err() == nil; i++ {
				_ = types[i%len(types)].Emit(node.Context(ctx), step{}) // it fails when the storm ends
			}
		}()
	}
	return node, func() {
		cancel()
		<-ended
		<-ended
	}
}

// A scrape is answered in a storm, and has no count that falls.
func TestAScrapeInAStorm(t *testing.T) {
	node, calm := storm(t)
	defer calm()
	s := serve(t, Config{}, node)
	await(t, "the storm", func() bool { return node.Stats().Total(stats.Handled) > 10_000 })
	before := 0.0
	c := NewCollector(node)
	for range 5 {
		if status, _ := get(t, s, "/metrics"); status != 200 {
			t.Errorf("status %d", status)
		}
		var sum float64
		for _, m := range gather(t, c)["leafmesh_events_total"].GetMetric() {
			sum += m.GetCounter().GetValue()
		}
		if sum <= before {
			t.Errorf("%v events after %v", sum, before)
		}
		before = sum
	}
}

// A scrape has as much work after a storm of many keys as at its begin, so that how long it takes
// depends on the machine, and not on what the node has seen.
func TestAScrapeHasNoMoreWorkAfterAStorm(t *testing.T) {
	var handlers []mesh.Handler
	var types []*mesh.Event[step]
	for i := range 50 {
		made := mesh.NewEvent(fmt.Sprintf("core.storm%d.raged", i), mesh.Key(func(s step) string { return s.Team }))
		types = append(types, made)
		handlers = append(handlers, made.Handle(fmt.Sprint("count ", i), func(context.Context, step) error { return nil }))
	}
	node := open(t, mesh.Config{Name: "core-1", Handlers: handlers})[0]
	node.Measure()
	c := NewCollector(node)
	sent := uint64(0)
	work := func(events int) (allocations float64, series int) {
		for i := range events {
			emit(t, node, types[i%len(types)], step{Team: fmt.Sprint(i)})
		}
		sent += uint64(events)
		await(t, "the storm's end", func() bool { return node.Stats().Total(stats.Handled) == sent })
		allocations = testing.AllocsPerRun(10, func() {
			metrics := make(chan prometheus.Metric)
			go func() {
				defer close(metrics)
				c.Collect(metrics)
			}()
			series = 0
			for range metrics {
				series++
			}
		})
		return allocations, series
	}
	before, few := work(1_000)
	after, many := work(50_000)
	if few < 3*len(types) || many != few || after > 1.5*before { // some buckets of histograms more
		t.Errorf("%d series with %v allocations, and %d with %v after the storm", few, before, many, after)
	}
}

// BenchmarkScrape asks for the metrics of a node in a storm, from another process as a Prometheus
// does: 200 types with a handler each.
func BenchmarkScrape(b *testing.B) {
	if url := os.Getenv(scrapeURL); url != "" {
		scrapeFromHere(b, url)
		return
	}
	node, calm := storm(b)
	defer calm()
	s := serve(b, Config{}, node)
	child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkScrape$", fmt.Sprintf("-test.benchtime=%dx", max(b.N, 2)))
	child.Env = append(os.Environ(), scrapeURL+"="+s.URL()+"/metrics")
	b.ResetTimer()
	out, err := child.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, unit := range []string{"ms-p50", "ms-p99", "bytes"} {
		found := regexp.MustCompile(`([0-9.]+) `+unit).FindAllSubmatch(out, -1)
		if len(found) == 0 {
			b.Fatalf("no %s in\n%s", unit, out)
		}
		value, err := strconv.ParseFloat(string(found[len(found)-1][1]), 64)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(value, unit)
	}
}

// scrapeURL names what the process that scrapes is to ask.
const scrapeURL = "METRICS_TEST_SCRAPE_URL"

// scrapeFromHere asks a node of another process, some times a second.
func scrapeFromHere(b *testing.B, url string) {
	var took []time.Duration
	bytes := int64(0)
	for b.Loop() {
		begun := time.Now()
		answer, err := http.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		bytes, err = io.Copy(io.Discard, answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != http.StatusOK {
			b.Fatalf("status %d: %v", answer.StatusCode, err)
		}
		took = append(took, time.Since(begun))
		time.Sleep(20 * time.Millisecond)
	}
	http.DefaultClient.CloseIdleConnections()
	slices.Sort(took)
	for percent, unit := range map[int]string{50: "ms-p50", 99: "ms-p99"} {
		b.ReportMetric(float64(took[len(took)*percent/100].Microseconds())/1000, unit)
	}
	b.ReportMetric(float64(bytes), "bytes")
}
