package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// TestMain is also the program of the peer that floods.
func TestMain(m *testing.M) {
	if os.Getenv(floodVariable) != "" || os.Getenv(idleVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every comparison runs, with few events, and gives figures above zero. No time
// is asserted: tests don't measure.
func TestEveryComparisonGivesFigures(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-pairs", "2", "-events", "2000", "-json"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	want := 0
	for _, c := range comparisons(2000, sampleLog) {
		want += len(c.aims)
	}
	if len(r.Rows) != want {
		t.Errorf("%d rows, want %d", len(r.Rows), want)
	}
	for _, row := range r.Rows {
		if len(row.Pairs) != 2 {
			t.Errorf("%s against %s: %d pairs, want 2", row.What, row.Other, len(row.Pairs))
		}
		if !slices.Contains([]metric{allocations, growth, added}, row.Metric) && row.Median <= 0 || row.Least > row.Median || row.Median > row.Most {
			t.Errorf("%s against %s: ratio %v (%v – %v)", row.What, row.Other, row.Median, row.Least, row.Most)
		}
		if (row.Aim == "") != (row.Met == nil) {
			t.Errorf("%s against %s: aim %q, met %v", row.What, row.Other, row.Aim, row.Met)
		}
	}
}

func TestTableHasALineForEachRow(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-pairs", "1", "-events", "500", "-only", "Go channel"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 6 { // machine, blank, head, three rows
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}

// With -within there are fewer pairs, and at least one; the file says what the table says, and how
// many.
func TestWithin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	var out bytes.Buffer
	arguments := []string{"-pairs", "1000000", "-events", "500", "-only", "Go channel", "-within", "300ms", "-write", path}
	begun := time.Now()
	if err := run(t.Context(), arguments, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if r.Pairs < 1 || r.Pairs == 1_000_000 || len(r.Rows) != 3 || len(r.Rows[0].Pairs) != r.Pairs {
		t.Errorf("%d pairs, %d rows", r.Pairs, len(r.Rows))
	}
	if want := fmt.Sprintf("; %d pairs,", r.Pairs); !strings.Contains(out.String(), want) {
		t.Errorf("%q is not in\n%s", want, &out)
	}
}

// The flood meets the importer's rule where it comes from, ends with its side, and the other peer
// loses nothing.
func TestFloodByPeerIsStopped(t *testing.T) {
	with, _ := besideFlood("peer", 0, openBesidePeer)
	var handled atomic.Int64
	c, err := with.open(t.Context(), func() { handled.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	b := c.(*beside)
	defer func() {
		if err := b.close(t.Context()); err != nil {
			t.Error(err)
		}
		if p := b.flood.(*floodPeer).process.ProcessState; p == nil || !p.Exited() {
			t.Errorf("the peer's process has not ended: %v", p)
		}
	}()
	eventually(t, "the flood comes to its limit", func() bool { return b.nodes[1].Stats().Of(judged.Subject(), stats.Imported) > floodLimit })
	for range 10 {
		if err := b.emit(t.Context(), &sample); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the other peer's events are handled", func() bool { return handled.Load() == 10 })
	if came := b.nodes[1].Stats().Of(judged.Subject(), stats.Shed); came > floodLimit/2 {
		t.Errorf("%d events came that the exporter knows to be too many", came)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time:", what)
		}
	}
}

// The raw side publishes as many bytes as a message of ours has.
func TestEnvelopeBytes(t *testing.T) {
	node, err := mesh.Open(t.Context(), mesh.Config{Name: "clue-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close(t.Context())
	staged, err := judged.Stage(node.Context(t.Context()), sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(staged.Message) != envelopeBytes {
		t.Errorf("%d bytes, want %d", len(staged.Message), envelopeBytes)
	}
}

// What a system does not tell of a process leaves its rows out, by name; all else is written, also
// as JSON.
func TestRowsThatCanNotBeMeasured(t *testing.T) {
	told := func(statm, schedstat string) usage {
		folder := t.TempDir()
		write := func(path, text string) {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(folder, path)), 0o700), os.WriteFile(filepath.Join(folder, path), []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if statm != "" {
			write("statm", statm)
		}
		if schedstat != "" {
			write("schedstat", schedstat)
			write("task/7/schedstat", schedstat)
			write("task/8/schedstat", schedstat)
		}
		u, err := usageOf(folder)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	idle := comparison{aims: []aim{{what: "memory", metric: resident, limit: 1.5}, {what: "time", metric: idling, limit: 2}}}
	local := comparison{aims: []aim{{what: "throughput", metric: throughput}}}
	for name, test := range map[string]struct {
		usage
		rows, leftOut string
	}{
		"all":          {told("100 7 1", "500 1 1"), "memory time throughput", ""},
		"no schedstat": {told("100 7 1", ""), "memory throughput", "time"},
		"no statm":     {told("", ""), "throughput", "memory time"},
	} {
		f := figures{Nanos: 1, Resident: test.resident, Idling: test.idling}
		var r report
		r.add([]comparison{idle, local, local}, [][]pair{{{f, f}}, {{f, f}}, nil}) // the last one failed
		var rows []string
		for _, row := range r.Rows {
			rows = append(rows, row.What)
		}
		var table, text bytes.Buffer
		if err := errors.Join(r.writeTable(&table), r.writeJSON(&text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Join(rows, " ") != test.rows || strings.Join(r.LeftOut, " ") != test.leftOut || r.Pairs != 1 ||
			strings.Contains(table.String(), "left out") != (test.leftOut != "") {
			t.Errorf("%s: rows %v, left out %v\n%s", name, rows, r.LeftOut, &table)
		}
	}
}

// What was measured before a comparison fails is written, and the failure is the error.
func TestWhatWasMeasuredIsWritten(t *testing.T) {
	all := comparisons(500, "missing.csv")
	chosen, err := choose(all, "local: time for an event")
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := choose(all, "the median envelope")
	if err != nil {
		t.Fatal(err)
	}
	chosen = append(chosen, bytes...)
	pairs, err := measureAll(t.Context(), chosen, settings{pairs: 1}, io.Discard)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), chosen[len(chosen)-1].String()) {
		t.Error(err)
	}
	var r report
	if r.add(chosen, pairs); len(r.Rows) == 0 || r.Pairs != 1 {
		t.Errorf("%+v", r)
	}
	path := filepath.Join(t.TempDir(), "bench.json")
	err = run(t.Context(), []string{"-events", "500", "-only", "the median envelope", "-log", "missing.csv", "-write", path}, io.Discard, io.Discard)
	if text, unwritten := os.ReadFile(path); !errors.Is(err, os.ErrNotExist) || unwritten != nil || !strings.Contains(string(text), `"rows": []`) {
		t.Errorf("%v, %v, %s", err, unwritten, text)
	}
}

// -only looks at the names of comparisons and of rows. What it cannot find is an error that says
// what there is.
func TestOnly(t *testing.T) {
	all := comparisons(500, sampleLog)
	for text, want := range map[string]int{"": len(all), "Go channel": 2, "one hop p50": 2, "ordered, 50 ms round trip": 1, "64 goroutines": 2} {
		if chosen, err := choose(all, text); err != nil || len(chosen) != want {
			t.Errorf("%q: %d comparisons, %v; want %d", text, len(chosen), err, want)
		}
	}
	var out bytes.Buffer
	err := run(t.Context(), []string{"-only", "two hops"}, &out, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "two hops") || !strings.Contains(err.Error(), "one hop p50") || out.Len() > 0 {
		t.Errorf("%v, and printed %q", err, &out)
	}
}

// A long line hands on all bytes in their order, each as late as it shall, and many at a time.
func TestLongLine(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		if c, err := echo.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	const delay = 100 * time.Millisecond
	line, err := openLongLine(t.Context(), echo.Addr().String(), delay)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", line.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(i * i >> 8)
	}
	start, got := time.Now(), make([]byte, len(sent))
	go func() { _, _ = c.Write(sent) }()
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%v, or other bytes", err)
	}
	// One by one, the 64 KiB that are read at a time would take 16 round trips.
	if took := time.Since(start); took < 2*delay || took > 16*delay {
		t.Errorf("it took %v", took)
	}
	if err := line.close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(got); err == nil {
		t.Error("the line is closed, and the connection is not")
	}
}

func TestBadFlagsAreErrors(t *testing.T) {
	for _, arguments := range [][]string{{"-pairs", "0"}, {"-events", "0"}, {"-within", "-1s"}, {"-unknown"}, {"extra"}} {
		if err := run(t.Context(), arguments, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", arguments)
		}
	}
}

// An event that is lost ends the measurement with an error, and not never.
func TestLostEventEndsTheMeasurement(t *testing.T) {
	lossy := side{name: "lossy", window: queueSize, open: func(context.Context, func()) (carrier, error) { return nowhere{}, nil }}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lossy.throughput(ctx, 10_000); err == nil || !strings.Contains(err.Error(), "lossy") {
		t.Errorf("throughput: %v", err)
	}
	if _, err := lossy.delay(ctx, 10); err == nil || !strings.Contains(err.Error(), "lossy") {
		t.Errorf("delay: %v", err)
	}
}

type nowhere struct{}

func (nowhere) emit(context.Context, *answerJudged) error { return nil }
func (nowhere) close(context.Context) error               { return nil }

func TestRows(t *testing.T) {
	c := comparison{ours: side{name: "ours"}, other: side{name: "other"}, aims: []aim{
		{metric: throughput, limit: 3}, {metric: delay, limit: 0.5}, {metric: cost, limit: 0.25},
		{metric: allocations, limit: allowedAllocations}, {metric: throughput}, {metric: rate, limit: 5e6},
		{metric: added, limit: 45}, {metric: alone, limit: 99}, {metric: size, limit: 0.35}, {metric: envelope, limit: 64},
	}}
	rows := c.rows([]pair{
		{Ours: figures{Nanos: 100, Delay: 10, CPU: 2, Bytes: 3, Envelope: 64}, Other: figures{Nanos: 500, Delay: 15, CPU: 1, Bytes: 10}},
		{Ours: figures{Nanos: 100, Delay: 10, CPU: 1, Allocs: 1, Bytes: 0.2, Envelope: 65}, Other: figures{Nanos: 300, Delay: 30, CPU: 1, Bytes: 1}},
		{Ours: figures{Nanos: 100, Delay: 10, CPU: 3, Bytes: 4, Envelope: 60}, Other: figures{Nanos: 100, Delay: 20, CPU: 1, Bytes: 10}},
	})
	for i, want := range []struct {
		median, least, most float64
		met                 string
	}{
		{3, 1, 5, "yes"}, {0.5, 1. / 3, 10. / 15, "yes"}, {1. / 3, 0.2, 1, "no"}, {0, 0, 1, "yes"}, {3, 1, 5, "-"}, {1e7, 1e7, 1e7, "yes"},
		{-200, -400, 0, "yes"}, {100, 100, 100, "no"}, {0.3, 0.2, 0.4, "yes"}, {64, 60, 65, "yes"},
	} {
		near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9*max(1, b) }
		if r := rows[i]; !near(r.Median, want.median) || !near(r.Least, want.least) || !near(r.Most, want.most) || r.met() != want.met {
			t.Errorf("row %d: %v (%v – %v), met %s; want %+v", i, r.Median, r.Least, r.Most, r.met(), want)
		}
	}
	if rows[0].CPU != 2 {
		t.Errorf("CPU ratio %v, want 2", rows[0].CPU)
	}
}

// A shape counts deliveries, each type as many as any other, from as many emitters as it has.
func TestShape(t *testing.T) {
	for name, test := range map[string]struct {
		shape
		emitted, handled uint64
	}{
		"10 handlers":      {shape{handlers: 10}, 24, 240},
		"emitters":         {shape{types: 4, emitters: 2, handlers: 1}, 240, 240},
		"bursts and keys":  {shape{types: 3, handlers: 1, burst: 7, keys: 5}, 240, 240},
		"others":           {shape{handlers: 1, others: 20}, 240, 240},
		"no handler":       {shape{rules: threeRules}, 240, 0},
		"nobody imports":   {shape{handlers: 1, exported: true}, 240, 240},
		"all but one fail": {shape{rules: noRoom, refused: true}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := test.side().open(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			s := c.(*shaped)
			defer s.close(t.Context())
			if err := s.carry(t.Context(), 240); err != nil {
				t.Fatal(err)
			}
			counts := s.node.Stats()
			if emitted := counts.Total(stats.Admitted); emitted != test.emitted {
				t.Errorf("%d emitted, want %d", emitted, test.emitted)
			}
			eventually(t, "all are handled", func() bool { return s.node.Stats().Total(stats.Handled) == test.handled })
		})
	}
}

// The bytes of a log are those of its answers, and of an envelope there are fewer than of the
// message. Over a link it has some half of those that a whole event has.
func TestLoggedBytes(t *testing.T) {
	wholeEnvelope := 0.0
	for _, side := range []side{meshLogged(sampleLog), meshLoggedLink(sampleLog, 1), meshLoggedLink(sampleLog, loggedBatch), cloudEvents(sampleLog)} {
		c, err := side.open(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var f figures
		if err := c.(whole).carry(t.Context(), 600); err != nil {
			t.Fatal(err)
		}
		c.(observer).observe(&f)
		if f.Bytes < 100 || f.Envelope >= f.Bytes || f.Envelope < 0 {
			t.Errorf("%s: %.0f bytes, of them %.0f are the envelope", side.name, f.Bytes, f.Envelope)
		}
		if wholeEnvelope = max(wholeEnvelope, f.Envelope); strings.Contains(side.name, "link") && f.Envelope > 0.6*wholeEnvelope {
			t.Errorf("%s: an envelope of %.0f bytes, that of a whole event has %.0f", side.name, f.Envelope, wholeEnvelope)
		}
		if err := c.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
