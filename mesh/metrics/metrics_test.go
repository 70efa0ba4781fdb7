package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// What a node has counted is what a scrape gives.
func TestAScrapeGivesWhatANodeCounts(t *testing.T) {
	nodes := open(t,
		mesh.Config{Name: "core-1", Exports: []mesh.Export{stepTaken.Export(mesh.Limit{})}, Limits: []mesh.Rule{{Name: "calm", Event: "core.step.failed", Limit: mesh.Limit{Rate: 1e-6, Burst: 1}}},
			Handlers: []mesh.Handler{
				stepTaken.Handle("count", func(context.Context, step) error { return nil }),
				stepFailed.Handle("fail", func(context.Context, step) error { return errors.New("no") }, mesh.Retry{Tries: 1}),
			}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{stepTaken.Import(mesh.Limit{}, mesh.Shared)},
			Handlers: []mesh.Handler{stepTaken.Handle("add", func(context.Context, step) error { return nil })}})
	core, score := serve(t, Config{}, nodes[0]), serve(t, Config{}, nodes[1])
	for range 3 {
		emit(t, nodes[0], stepTaken, step{"owls"})
	}
	emit(t, nodes[0], stepFailed, step{})
	if err := stepFailed.Emit(nodes[0].Context(within(t)), step{}); !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("emit: %v", err)
	}
	await(t, "all handled", func() bool {
		return nodes[1].Stats().Total(stats.Handled) == 3 && nodes[0].Stats().Total(stats.Handled) == 3 && nodes[0].Stats().Total(stats.Failed) == 1
	})
	status, text := get(t, core, "/metrics")
	for _, want := range []string{
		`leafmesh_events_total{node="core-1",outcome="handled",place="handler count",rule="",type="core.step.taken"} 3`,
		`leafmesh_events_total{node="core-1",outcome="failed",place="handler fail",rule="",type="core.step.failed"} 1`,
		`leafmesh_events_total{node="core-1",outcome="refused",place="emit",rule="calm",type="core.step.failed"} 1`,
		`leafmesh_events_total{node="core-1",outcome="exported",place="export",rule="",type="core.step.taken"} 3`,
		`leafmesh_link_up{direction="exports",node="core-1",peer="score-1"} 1`,
		`leafmesh_waiting_events{node="core-1"} 0`, `leafmesh_letters{node="core-1"} 0`, "go_memstats_heap_alloc_bytes ", "process_resident_memory_bytes ",
	} {
		if status != 200 || !strings.Contains(text, "\n"+want) {
			t.Errorf("status %d, without %s in\n%s", status, want, strings.Join(lines(text, "leafmesh_"), "\n"))
		}
	}
	if strings.Contains(text, "owls") {
		t.Error("a key is in the metrics")
	}
	_, text = get(t, score, "/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	for _, name := range []string{"leafmesh_wait_seconds", "leafmesh_handling_seconds"} {
		got := lines(text, name+`_count{`, `type="core.step.taken"`, `place="handler add"`)
		if len(got) != 1 || !strings.HasSuffix(got[0], " 3") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := lines(text, "leafmesh_link_delay_seconds_count", `peer="core-1"`); len(got) != 1 || !strings.HasSuffix(got[0], " 3") {
		t.Errorf("%q", got)
	}
	// An exemplar has the id of a root.
	if got := lines(text, "leafmesh_link_delay_seconds_bucket", "# {root="); len(got) == 0 {
		t.Errorf("no exemplars in\n%s", text)
	}
}

// fixed is a source that gives the same always.
type fixed struct {
	counts    stats.Stats
	durations []stats.Durations
}

func (f *fixed) Stats() stats.Stats { return f.counts }

func (f *fixed) Durations() []stats.Durations { return f.durations }

// Every field of Stats comes out, once: what is new there fails here until it does.
func TestEveryMetricHasItsValue(t *testing.T) {
	from := &fixed{counts: stats.Stats{
		Counts:  []stats.Count{{Type: "a.b.c", Outcome: stats.Lost, Place: "import", Rule: "closed", Count: 1}},
		Links:   []stats.Link{{Peer: "core-1", Direction: "imports", Connected: true, MessagesIn: 2, MessagesOut: 3, BytesIn: 4, BytesOut: 5}, {Peer: "core-2", Direction: "imports"}},
		Waiting: 6, Lines: []stats.Line{{Type: "a.b.c", Place: "emit", Rule: "calm", Waiting: 7, Longest: "owls", Oldest: 8 * time.Second}},
		Slow: make([]stats.Running, 9), Cascades: stats.Cascades{Known: 10, Forgotten: 11},
		Outbox: &stats.Outbox{Events: 12, Bytes: 13, Oldest: 14 * time.Second, Readers: []stats.OutboxReader{
			{Service: "score", Type: "a.b.c", Backlog: 15, UnderWay: 16, Aside: 17, Redelivered: 18, Lost: 19}}},
		Imports:        []stats.Import{{Type: "a.b.c", Arrived: 20}},
		DurableImports: []stats.DurableImport{{Peer: "core-1", Type: "a.b.c", Connected: true, UnderWay: 21}, {Peer: "core-2", Type: "a.b.c"}},
		Letters:        stats.Letters{Count: 22, Oldest: 23 * time.Second},
		Traces:         &stats.Traces{Waiting: 24, Closed: 25, Exported: 26, Forgotten: 27, QueueFull: 28, Refused: 29},
		Recorder:       &stats.Recorder{Kept: 30, Samples: 31, Bytes: 32, Problem: "disk full", FellOut: 33, Missed: 34, Left: 35, Untold: 36},
	}}
	want := map[string][]float64{
		"leafmesh_events_total": {1}, "leafmesh_link_up": {1, 0}, "leafmesh_link_messages_total": {2, 3, 0, 0}, "leafmesh_link_bytes_total": {4, 5, 0, 0},
		"leafmesh_waiting_events": {6}, "leafmesh_line_waiting_events": {7}, "leafmesh_line_oldest_seconds": {8}, "leafmesh_slow_calls": {9},
		"leafmesh_cascades_known": {10}, "leafmesh_cascades_forgotten_total": {11},
		"leafmesh_outbox_events": {12}, "leafmesh_outbox_bytes": {13}, "leafmesh_outbox_oldest_seconds": {14}, "leafmesh_outbox_backlog_events": {15},
		"leafmesh_outbox_under_way_events": {16}, "leafmesh_outbox_aside_events": {17}, "leafmesh_outbox_redelivered_total": {18}, "leafmesh_outbox_lost_total": {19},
		"leafmesh_import_arrived_total": {20}, "leafmesh_durable_import_up": {1, 0}, "leafmesh_durable_import_under_way_events": {21, 0},
		"leafmesh_letters": {22}, "leafmesh_letters_oldest_seconds": {23},
		"leafmesh_recorder_cascades_total": {31, 30}, "leafmesh_recorder_bytes": {32}, "leafmesh_recorder_up": {0}, "leafmesh_recorder_fell_out_total": {33},
		"leafmesh_recorder_missed_total": {34}, "leafmesh_recorder_left_total": {35}, "leafmesh_recorder_untold_total": {36},
		"leafmesh_spans_waiting": {24}, "leafmesh_spans_total": {25, 26, 27, 28, 29},
	}
	got := gather(t, newCollector("clue-1", from))
	for name, values := range want {
		found := values[:0:0]
		for _, m := range got[name].GetMetric() {
			found = append(found, m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
		if fmt.Sprint(found) != fmt.Sprint(values) {
			t.Errorf("%s: %v, want %v", name, found, values)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("nobody expected %v", got)
	}
}

// A histogram has each duration in its native and its classic bucket, as Prometheus reads them.
func TestHistogramsAreWrittenAsPrometheusReadsThem(t *testing.T) {
	root := cause.NewID(time.Now().UnixNano())
	from := &fixed{durations: []stats.Durations{{Of: stats.MeasuredLink, Peer: "core-1", Histogram: stats.Histogram{
		Count: 10, Sum: 90 * time.Second, Zero: 1,
		Classic:  []uint64{1, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1},
		Native:   []stats.NativeBucket{{Index: -8, Count: 5}, {Index: -7, Count: 1}, {Index: 0, Count: 2}, {Index: 96, Count: 1}},
		Examples: []stats.Example{{Root: root, Value: time.Second, At: time.Unix(5, 0)}, {Root: root, Value: time.Hour, At: time.Unix(6, 0)}},
	}}, {Of: stats.MeasuredWait, Histogram: stats.Histogram{Classic: make([]uint64, 15)}}}}
	got := gather(t, newCollector("clue-1", from))
	h := got["leafmesh_link_delay_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 10 || h.GetSampleSum() != 90 || h.GetSchema() != 3 || h.GetZeroCount() != 1 || h.GetZeroThreshold() != math.Exp2(-23) {
		t.Errorf("%v", h)
	}
	if want := "[offset:-8 length:2 offset:6 length:1 offset:95 length:1]"; strings.ReplaceAll(fmt.Sprint(h.GetPositiveSpan()), "  ", " ") != want {
		t.Errorf("spans %v, want %v", h.GetPositiveSpan(), want)
	}
	if want := "[5 -4 1 -1]"; fmt.Sprint(h.GetPositiveDelta()) != want {
		t.Errorf("deltas %v, want %v", h.GetPositiveDelta(), want)
	}
	buckets := h.GetBucket()
	if last := buckets[len(buckets)-1]; !math.IsInf(last.GetUpperBound(), 1) || last.GetCumulativeCount() != 10 || last.GetExemplar().GetValue() != 3600 {
		t.Errorf("the last bucket is %v", last)
	}
	for _, b := range buckets {
		switch {
		case b.GetUpperBound() == 1:
			if b.GetCumulativeCount() != 9 || b.GetExemplar().GetLabel()[0].GetValue() != root.String() || b.GetExemplar().GetTimestamp().AsTime().Unix() != 5 {
				t.Errorf("%v", b)
			}
		case b.GetUpperBound() < 1 && b.GetCumulativeCount() != 1:
			t.Errorf("%v", b)
		}
	}
	none := got["leafmesh_wait_seconds"].GetMetric()[0]
	if len(none.GetHistogram().GetPositiveSpan()) != 1 || labelsOf(none) != "node=clue-1 place=other type=other" {
		t.Errorf("%v", none)
	}
}

func labelsOf(m *dto.Metric) string {
	var all []string
	for _, l := range m.GetLabel() {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(all, " ")
}
