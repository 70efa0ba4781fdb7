package main

import (
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/part"
)

// TestMain is also the program of the parts.
func TestMain(m *testing.M) {
	if what := os.Getenv(part.Variable); what != "" {
		if err := be(context.Background(), what); err != nil {
			fmt.Fprintln(os.Stderr, "story:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestShort: the short form measures both sides on all lines, and accounts for every root.
func TestShort(t *testing.T) {
	dir := t.TempDir()
	figures, drawing := filepath.Join(dir, "story.json"), filepath.Join(dir, "story.svg")
	var out strings.Builder
	s, err := parse([]string{"-short", "-json", figures, "-picture", drawing}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), s, &out, io.Discard); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	text, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Trials) != 7 || len(r.Verdicts) != 4 { // leafmesh is in two forms on the first line
		t.Errorf("%d trials, %d verdicts", len(r.Trials), len(r.Verdicts))
	}
	for _, trial := range r.Trials {
		if works := trial.Work > 0; works != (trial.Line == "c") {
			t.Errorf("%s: own work %v", trial, trial.Work)
		}
	}
	if svg, err := os.ReadFile(drawing); err != nil || strings.Count(string(svg), "<circle") != len(r.Trials) {
		t.Errorf("the picture has not a point for each trial: %v\n%s", err, svg)
	}
	if l := r.Limits; min(l.Awake, l.Asleep, l.CBOR, l.JSON) <= 0 {
		t.Errorf("limits %+v", l)
	}
}

// TestBadHandler: on the bus a handler that multiplies goes on for as long as anybody looks, and
// the guard of leafmesh ends it at its first repetition, by name.
func TestBadHandler(t *testing.T) {
	for side, check := range map[string]func(trial) bool{
		bus: func(r trial) bool { return r.Rogue > 100 }, // ever more, as fast as the machine is
		leafmesh: func(r trial) bool {
			return r.Rogue == 3 && strings.Join(r.Losses, "") == "score: 4 "+cascade.Rumour+" refused at emit by cascade-loop"
		},
	} {
		r, err := measure(t.Context(), trial{Side: side, Rate: 100, Bad: true}, part.Line{}, 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !check(r) || r.Handled+r.Unfinished+r.Refused != r.Roots {
			t.Errorf("%s; losses %q", r, r.Losses)
		}
	}
}

// TestServiceThatCanNotStart: what keeps one service from its start ends the wait for the others,
// which would wait for it, and is the error.
func TestServiceThatCanNotStart(t *testing.T) {
	all, err := nodes()
	if err != nil {
		t.Fatal(err)
	}
	broken := cascade.Services[0] // from which the others import
	taken, err := net.Listen("tcp", all[broken].Address)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := &stage{services: len(cascade.Services), folder: t.TempDir()}
	for _, service := range cascade.Services {
		p, err := part.Start(t.Context(), part.Service, service)
		if err != nil {
			t.Fatal(err)
		}
		s.processes = append(s.processes, p)
		if err := p.Assign(part.Assignment{Side: leafmesh, Service: service, Within: startTimeout, BadRoot: -1, Nodes: all}); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	err = s.await(t.Context())
	if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), broken) || !strings.Contains(err.Error(), taken.Addr().String()) || took > startTimeout/2 {
		t.Errorf("after %v: %v", took, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestServiceThatSaysNothing: a process that does not answer is ended with the wait for it.
func TestServiceThatSaysNothing(t *testing.T) {
	p, err := part.Start(t.Context(), part.Service, "clue")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Await(ctx); err == nil { // it was not told what to be
		t.Error("no error")
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

// TestServiceThatIsNotReadyInTime: a service has as long to be ready as it is told.
func TestServiceThatIsNotReadyInTime(t *testing.T) {
	orders, told := io.Pipe()
	defer told.Close()
	go func() { _ = gob.NewEncoder(told).Encode(part.Assignment{Within: 20 * time.Millisecond}) }()
	err := part.Serve(t.Context(), orders, io.Discard, func(ctx context.Context, _ part.Assignment, _ *cascade.Account) (part.Side, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("wait for the others: %w", ctx.Err())
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestBadFlagsAreErrors(t *testing.T) {
	for _, arguments := range [][]string{{"-for", "10ms"}, {"-soak", "10ms"}, {"-soak", "-1m"}, {"-lines", ""}, {"-lines", "abx"}, {"-rates", "4000,1000"}, {"-rates", "0"}, {"-rates", "many"}, {"-unknown"}, {"extra"}} {
		if _, err := parse(arguments, io.Discard); err == nil {
			t.Errorf("%v: no error", arguments)
		}
	}
}

// TestJoin: figures of several runs make one report, if each rate was measured for as long.
func TestJoin(t *testing.T) {
	write := func(name string, r report) string {
		path := filepath.Join(t.TempDir(), name)
		if err := r.writeJSON(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	memory := write("a.json", report{Seconds: 8, Machine: machine{Procs: 2}, Trials: []trial{{Side: bus, Line: "a", Rate: 1}}})
	disk := write("b.json", report{Seconds: 8, Machine: machine{Procs: 4}, Trials: []trial{{Side: bus, Line: "b", Rate: 2}}})
	long := write("c.json", report{Seconds: 30})
	r, err := join([]string{memory, disk})
	if err != nil || len(r.Trials) != 2 || r.Trials[1].Rate != 2 || r.Machine.Procs != 2 || r.Seconds != 8 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := join([]string{memory, long}); err == nil || !strings.Contains(err.Error(), "30") {
		t.Errorf("runs of other lengths: %v", err)
	}
}

func TestVerdicts(t *testing.T) {
	of := func(side string, rate int, mean time.Duration) trial {
		return trial{Side: side, Line: "a", Rate: rate, Result: cascade.Result{Mean: mean}}
	}
	bad := of(bus, 500, time.Hour)
	bad.Bad = true
	r := report{Trials: []trial{
		of(bus, 1000, time.Millisecond), of(bus, 2000, 60*time.Millisecond), of(bus, 3000, 10*time.Millisecond), of(bus, 4000, time.Second), bad,
		of(leafmesh, 1000, time.Millisecond), of(leafmesh, 4000, 2*time.Millisecond), of(leafmesh, 8000, 400*time.Millisecond),
	}}
	r.judge()
	want := verdict{Line: "a", Side: leafmesh, Over: 4000, Ratio: 0.002, Bus50: 1000, Leafmesh50: 4000, Bus500: 3000, Leafmesh500: 8000, RatioAim: 1. / 5000, RateAim: 20}
	if len(r.Verdicts) != 1 || r.Verdicts[0] != want {
		t.Errorf("%+v, want %+v", r.Verdicts, want)
	}
}

// TestAccounted: what was lost, or came twice, fails the short form.
func TestAccounted(t *testing.T) {
	well := cascade.Result{Roots: 10, Handled: 10, Mean: 1}
	for what, change := range map[string]func(*cascade.Result){
		"lost":  func(r *cascade.Result) { r.Handled, r.Unfinished = 9, 1 },
		"twice": func(r *cascade.Result) { r.Twice = 1 },
	} {
		one := well
		change(&one)
		if err := (report{Trials: []trial{{Result: well}, {Result: one}}}).accounted(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if err := (report{Trials: []trial{{Result: well}}}).accounted(); err != nil {
		t.Error(err)
	}
}

// TestSoak: a short one ends well, at a rate that a busy machine keeps up with.
func TestSoak(t *testing.T) {
	var out strings.Builder
	if err := soak(t.Context(), 6*time.Second, shortRate, &out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestFlat: what grows fails a soak, each by its name.
func TestFlat(t *testing.T) {
	before := part.Vitals{Heap: 50e6, Goroutines: 100, Descriptors: 30}
	for want, change := range map[string]func(*part.Vitals){
		"goroutines":  func(v *part.Vitals) { v.Goroutines = 120 },
		"descriptors": func(v *part.Vitals) { v.Descriptors = 40 },
		"heap":        func(v *part.Vitals) { v.Heap = 60e6 },
		"":            func(v *part.Vitals) { v.Heap, v.Goroutines = 54e6, 105 },
	} {
		after := before
		change(&after)
		quiet := make([][]part.Vitals, 6)
		for i := range quiet {
			quiet[i] = []part.Vitals{before, before, before}
			if i >= 4 {
				quiet[i][1] = after
			}
		}
		var problem error
		for _, g := range thirds(quiet) {
			problem = errors.Join(problem, g.flat(true))
		}
		if want == "" && problem != nil || want != "" && (problem == nil || !strings.Contains(problem.Error(), "hunt: ") || !strings.Contains(problem.Error(), want)) {
			t.Errorf("%q: %v", want, problem)
		}
	}
}
