package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// gatherer gathers the metrics of a node, of Go and of the process in the goroutine that asks for
// them. A prometheus.Registry has goroutines collect them, which give them to a channel: in a storm
// each of those waits for its turn behind all that handlers and emitters have to do. So a scrape
// took twice as long, where the machine had time for the process at all.
type gatherer struct {
	node    *collector
	runtime []prometheus.Collector // each gives a metric a description
	told    map[*prometheus.Desc]description
}

// description is what a prometheus.Desc tells.
type description struct{ name, help string }

// newGatherer makes a gatherer. The error is that of a description that cannot be read.
func newGatherer(node *collector, runtime ...prometheus.Collector) (*gatherer, error) {
	g := &gatherer{node, runtime, map[*prometheus.Desc]description{}}
	for _, c := range append([]prometheus.Collector{node}, runtime...) {
		for desc := range given(c.Describe) {
			told, err := describe(desc)
			if err != nil {
				return nil, err
			}
			g.told[desc] = told
		}
	}
	return g, nil
}

// describe reads a description, which tells its parts in its text alone.
func describe(desc *prometheus.Desc) (d description, err error) {
	if err = desc.Err(); err == nil {
		_, err = fmt.Sscanf(desc.String(), "Desc{fqName: %q, help: %q,", &d.name, &d.help)
	}
	if err != nil {
		return d, fmt.Errorf("read the description of a metric, %v: %w", desc, err)
	}
	return d, nil
}

// room is how much a collector of the runtime may give, some times what it gives.
const room = 1024

// given lists what is given to a channel. It runs in the goroutine that calls it, so a collector
// that gives more than there is room for would never return.
func given[T any](give func(chan<- T)) <-chan T {
	all := make(chan T, room)
	give(all)
	close(all)
	return all
}

// Gather implements prometheus.Gatherer.
func (g *gatherer) Gather() ([]*dto.MetricFamily, error) {
	families := map[string]*dto.MetricFamily{}
	var failed error
	add := func(m prometheus.Metric) {
		if err := g.add(families, m); err != nil {
			failed = err
		}
	}
	g.node.collect(add)
	for _, c := range g.runtime {
		for m := range given(c.Collect) {
			add(m)
		}
	}
	return slices.SortedFunc(maps.Values(families), func(a, b *dto.MetricFamily) int {
		return strings.Compare(a.GetName(), b.GetName())
	}), failed
}

// add adds a metric to its family.
func (g *gatherer) add(families map[string]*dto.MetricFamily, m prometheus.Metric) error {
	told, found := g.told[m.Desc()]
	if !found {
		return fmt.Errorf("gather a metric that was not described before: %v", m.Desc())
	}
	written := &dto.Metric{}
	if err := m.Write(written); err != nil {
		return fmt.Errorf("gather %s: %w", told.name, err)
	}
	family := families[told.name]
	if family == nil {
		family = &dto.MetricFamily{Name: &told.name, Help: &told.help, Type: kindOf(written).Enum()}
		families[told.name] = family
	}
	family.Metric = append(family.Metric, written)
	return nil
}

// kindOf is the kind of a metric, of those that are gathered here.
func kindOf(m *dto.Metric) dto.MetricType {
	switch {
	case m.Counter != nil:
		return dto.MetricType_COUNTER
	case m.Gauge != nil:
		return dto.MetricType_GAUGE
	case m.Summary != nil:
		return dto.MetricType_SUMMARY
	case m.Histogram != nil:
		return dto.MetricType_HISTOGRAM
	}
	return dto.MetricType_UNTYPED
}
