package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// NewCollector makes a collector of a node's metrics, for a registry of the program's own; [Serve]
// has one already. The node begins to measure: see mesh.Node.Measure. A node has one collector, or
// what is counted together differs between them.
// Of readiness it tells what the node knows of itself.
func NewCollector(node *mesh.Node) prometheus.Collector {
	return collectorOf(node, newReadiness(health(node)))
}

func collectorOf(node *mesh.Node, ready *readiness) *collector {
	node.Measure()
	c := newCollector(node.Name(), node)
	c.ready = ready
	return c
}

// source is what a collector asks of a node.
type source interface {
	Stats() stats.Stats
	Durations() []stats.Durations
}

type collector struct {
	node  string
	from  source
	ready *readiness // nil: nothing is told of it

	mu         sync.Mutex // held for a scrape
	families   families   // guarded by mu
	all        []*family
	histograms map[stats.Measured]*prometheus.Desc
}

func newCollector(node string, from source) *collector {
	c := &collector{node: node, from: from}
	c.families, c.all = newFamilies(node)
	c.histograms = map[stats.Measured]*prometheus.Desc{
		stats.MeasuredWait: newDesc(node, "wait_seconds",
			"From when an event is in the queue of a handler until the handler is called for the first time.", "type", "place"),
		stats.MeasuredHandling: newDesc(node, "handling_seconds", "One call of a handler.", "type", "place"),
		stats.MeasuredLink: newDesc(node, "link_delay_seconds",
			"From when a peer emitted an event until it has come in, by the two nodes' clocks.", "peer"),
		stats.MeasuredCascade: newDesc(node, "cascade_delay_seconds",
			"From when a cascade began until a handler was done with an event of it and caused no other, by the nodes' clocks.", "root"),
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.all {
		out <- f.desc
	}
	for _, desc := range c.histograms {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.collect(func(m prometheus.Metric) { out <- m })
}

// collect gives each metric to a function.
func (c *collector) collect(give func(prometheus.Metric)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready != nil {
		for _, check := range c.ready.all() {
			c.families.ready.add(one(check.missing == nil), check.name)
		}
	}
	c.families.add(c.from.Stats())
	for _, f := range c.all {
		f.collect(give)
	}
	for _, d := range c.from.Durations() {
		desc := c.histograms[d.Of]
		switch d.Of {
		case stats.MeasuredLink:
			give(newHistogram(desc, c.node, d.Histogram, "peer", orOther(d.Peer)))
		case stats.MeasuredCascade:
			give(newHistogram(desc, c.node, d.Histogram, "root", orOther(d.Type)))
		default:
			give(newHistogram(desc, c.node, d.Histogram, "type", orOther(d.Type), "place", orOther(d.Place)))
		}
	}
}
