package main

import (
	"strings"
	"testing"
)

func TestRowsBecomeLinesOfBenchmarks(t *testing.T) {
	var lines strings.Builder
	err := writeRows(&lines, []byte(`{"rows": [
		{"what": "local: throughput", "ours": "leafmesh", "other": "raw NATS", "metric": "throughput", "pairs": [{"ours": {"ns_per_event": 120.5, "allocs_per_event": 0.25}, "other": {"ns_per_event": 700}}]},
		{"what": "local: delay, p50", "ours": "leafmesh", "other": "raw NATS", "metric": "delay", "pairs": [{"ours": {"delay_p50_ns": 290}}, {"ours": {"delay_p50_ns": 300}}]},
		{"what": "local: delay, p99", "ours": "leafmesh", "other": "raw NATS", "metric": "delay p99", "pairs": [{"ours": {"delay_p99_ns": 900}}]},
		{"what": "heap growth, MB", "other": "none", "metric": "growth", "pairs": [{"ours": {"heap_bytes": 1}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `pkg: leafmesh/bench
Benchmarklocal:_throughput/leafmesh/raw_NATS 1 120.5 ns/op 0.25 allocs/op
Benchmarklocal:_delay,_p50/leafmesh/raw_NATS 1 290 ns/op
Benchmarklocal:_delay,_p50/leafmesh/raw_NATS 1 300 ns/op
Benchmarklocal:_delay,_p99/leafmesh/raw_NATS 1 900 ns/op
`
	if lines.String() != want {
		t.Errorf("got  %s\nwant %s", lines.String(), want)
	}
	if err := writeRows(&lines, []byte("{")); err == nil {
		t.Error("half a report was taken")
	}
}
