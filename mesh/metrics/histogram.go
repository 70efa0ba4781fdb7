package metrics

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"leafmesh/mesh/stats"
)

// histogram is a metric with native and classic buckets at once, and exemplars. The client makes
// none of counts that are there already.
type histogram struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair // in the order of their names
	stats.Histogram
}

// newHistogram makes a metric with the node as a label, and the labels given: name, value, …
func newHistogram(desc *prometheus.Desc, node string, counts stats.Histogram, labels ...string) *histogram {
	h := &histogram{desc: desc, Histogram: counts, labels: []*dto.LabelPair{labelPair("node", node)}}
	for i := 0; i < len(labels); i += 2 {
		h.labels = append(h.labels, labelPair(labels[i], labels[i+1]))
	}
	slices.SortFunc(h.labels, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return h
}

// Desc implements prometheus.Metric.
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// Write implements prometheus.Metric.
func (h *histogram) Write(to *dto.Metric) error {
	to.Label = h.labels
	to.Histogram = &dto.Histogram{
		SampleCount: new(h.Count), SampleSum: new(h.Sum.Seconds()),
		Schema: new(int32(stats.HistogramSchema)), ZeroThreshold: new(zeroThreshold), ZeroCount: new(h.Zero),
	}
	h.writeClassic(to.Histogram)
	h.writeNative(to.Histogram)
	return nil
}

// bounds are those of classic buckets, in seconds. Nobody changes them.
var bounds = func() (all [len(stats.HistogramBounds)]float64) {
	for i, bound := range stats.HistogramBounds {
		all[i] = bound.Seconds()
	}
	return all
}()

// zeroThreshold is a bound of native buckets, to the last bit.
const zeroThreshold = 1.0 / (1 << 23)

// writeClassic gives each bucket the count of all up to its bound, and its example. The last
// example, over all bounds, has a bucket of its own.
func (h *histogram) writeClassic(to *dto.Histogram) {
	n := len(stats.HistogramBounds)
	buckets, counts := make([]dto.Bucket, n), make([]uint64, n) // each at once: a scrape makes thousands
	to.Bucket = make([]*dto.Bucket, n, n+1)
	var sum uint64
	for i := range stats.HistogramBounds {
		sum += h.Classic[i]
		counts[i] = sum
		buckets[i].UpperBound, buckets[i].CumulativeCount = &bounds[i], &counts[i]
		to.Bucket[i] = &buckets[i]
	}
	for _, e := range h.Examples {
		i, _ := slices.BinarySearch(stats.HistogramBounds[:], e.Value)
		if i == len(to.Bucket) {
			to.Bucket = append(to.Bucket, &dto.Bucket{UpperBound: new(math.Inf(1)), CumulativeCount: new(h.Count)})
		}
		to.Bucket[i].Exemplar = &dto.Exemplar{Label: []*dto.LabelPair{labelPair("root", e.Root.String())},
			Value: new(e.Value.Seconds()), Timestamp: timestamppb.New(e.At)}
	}
}

// writeNative writes the buckets as spans of neighbours, and each count as the difference from the
// one before.
func (h *histogram) writeNative(to *dto.Histogram) {
	next, before := 0, int64(0)
	for i, b := range h.Native {
		if i == 0 || b.Index != next {
			to.PositiveSpan = append(to.PositiveSpan, &dto.BucketSpan{Offset: new(int32(b.Index - next)), Length: new(uint32(0))})
		}
		*to.PositiveSpan[len(to.PositiveSpan)-1].Length++
		to.PositiveDelta = append(to.PositiveDelta, int64(b.Count)-before)
		next, before = b.Index+1, int64(b.Count)
	}
	if len(h.Native) == 0 && h.Zero == 0 { // else it would be taken for one that has no native buckets
		to.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32(0)), Length: new(uint32(0))}}
	}
}

func labelPair(name, value string) *dto.LabelPair {
	value = validText(value)
	return &dto.LabelPair{Name: &name, Value: &value}
}
