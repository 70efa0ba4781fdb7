package metrics

import (
	"context"
	"fmt"
	"slices"
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

// BenchmarkScrape asks for the metrics of a node in a storm: 200 types with a handler each.
func BenchmarkScrape(b *testing.B) {
	node, calm := storm(b)
	defer calm()
	s := serve(b, Config{}, node)
	var took []time.Duration
	bytes := 0
	for b.Loop() {
		begun := time.Now()
		_, text := get(b, s, "/metrics")
		took = append(took, time.Since(begun))
		bytes = len(text)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	b.ReportMetric(float64(bytes), "bytes")
}
