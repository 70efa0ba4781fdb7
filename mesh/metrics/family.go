package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSets is how many sets of labels of a metric have a series of their own: some times what a
// large service has, and a scrape of a few megabytes at worst.
const maxSets = 2000

// other is the value of the labels of what is counted together.
const other = "other"

// family is one metric with all its sets of labels.
type family struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	keeps int                        // the label that stays when sets are counted together; -1: none
	join  func(a, b float64) float64 // the value of sets counted together

	known map[string]bool // sets with a series of their own
	order []string        // those of the scrape at hand
	sums  map[string]*sample
}

type sample struct {
	labels []string
	value  float64
}

// newFamily makes a metric. It is a counter if its name says so.
func newFamily(node, name, help string, labels ...string) *family {
	f := &family{desc: newDesc(node, name, help, labels...), kind: prometheus.GaugeValue, keeps: -1,
		join: sum, known: map[string]bool{}, sums: map[string]*sample{}}
	if strings.HasSuffix(name, "_total") {
		f.kind = prometheus.CounterValue
	}
	return f
}

// validText is the text of a label: a name made in code that is none would fail the whole scrape.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func sum(a, b float64) float64 { return a + b }

// newDesc describes a metric; each has the node as a label.
func newDesc(node, name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("leafmesh_"+name, help, labels, prometheus.Labels{"node": node})
}

// add adds a value of the scrape at hand.
func (f *family) add(value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = validText(l)
	}
	set := strings.Join(labels, "\x00")
	if !f.known[set] {
		if len(f.known) < maxSets {
			f.known[set] = true
		} else {
			labels = f.together(labels)
			set = strings.Join(labels, "\x00")
		}
	}
	s := f.sums[set]
	switch {
	case s == nil:
		f.sums[set] = &sample{labels, value}
		f.order = append(f.order, set)
	default:
		s.value = f.join(s.value, value)
	}
}

// together returns the labels of what is counted together.
func (f *family) together(labels []string) []string {
	all := slices.Repeat([]string{other}, len(labels))
	if f.keeps >= 0 {
		all[f.keeps] = labels[f.keeps]
	}
	return all
}

// collect gives out the scrape at hand and begins the next one.
func (f *family) collect(give func(prometheus.Metric)) {
	for _, set := range f.order {
		s := f.sums[set]
		give(prometheus.MustNewConstMetric(f.desc, f.kind, s.value, s.labels...))
	}
	f.order = f.order[:0]
	clear(f.sums)
}
