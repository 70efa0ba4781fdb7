package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the outcome of a run.
type report struct {
	Machine  machine   `json:"machine"`
	Seconds  float64   `json:"seconds_a_rate"`
	Limits   physical  `json:"limits"`
	Trials   []trial   `json:"trials"`
	Verdicts []verdict `json:"verdicts"`
}

// machine is what the figures hold for.
type machine struct {
	Go    string `json:"go"`
	OS    string `json:"os"`
	Model string `json:"model,omitempty"`
	Procs int    `json:"gomaxprocs"`
	Load  string `json:"load,omitempty"` // before the run; beyond Procs others took part in it
}

func thisMachine() machine {
	m := machine{Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, Procs: runtime.GOMAXPROCS(0)}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name\t: "); ok {
			m.Model, _, _ = strings.Cut(after, "\n")
		}
	}
	return m
}

// verdict compares leafmesh, in one form, with the bus on a line.
type verdict struct {
	Line string `json:"line"`
	Side string `json:"side"`
	// Over is the first rate at which the bus is over 500 ms, and Ratio the mean of leafmesh there
	// over that of the bus. 0: it never was, or leafmesh was not measured there.
	Over  int     `json:"over"`
	Ratio float64 `json:"ratio"`
	// Bus50 and Leafmesh50 are the highest rates at which each stays below 50 ms; Bus500 and
	// Leafmesh500, below 500 ms.
	Bus50       int `json:"bus_50ms"`
	Leafmesh50  int `json:"leafmesh_50ms"`
	Bus500      int `json:"bus_500ms"`
	Leafmesh500 int `json:"leafmesh_500ms"`
	// Aims: of the ratio, and of the rates below 50 ms.
	RatioAim float64 `json:"ratio_aim"`
	RateAim  float64 `json:"rate_aim"`
}

var aims = map[string][2]float64{"a": {1. / 5000, 20}, "b": {1. / 1000, 10}, "c": {1. / 100, 5}}

// judge makes the verdicts of the trials.
func (r *report) judge() {
	for _, l := range lines {
		means := map[string]map[int]time.Duration{bus: {}, leafmesh: {}, together: {}}
		for _, t := range r.Trials {
			if t.Line == l.name && !t.Bad {
				means[t.Side][t.Rate] = t.Mean
			}
		}
		for _, side := range []string{leafmesh, together} {
			if len(means[bus]) > 0 && len(means[side]) > 0 {
				r.Verdicts = append(r.Verdicts, compare(l.name, side, means[bus], means[side]))
			}
		}
	}
}

// compare compares the means of a side with those of the bus, by rate.
func compare(line, side string, central, ours map[int]time.Duration) verdict {
	v := verdict{Line: line, Side: side, RatioAim: aims[line][0], RateAim: aims[line][1],
		Bus50: below(central, slow), Bus500: below(central, over), Leafmesh50: below(ours, slow), Leafmesh500: below(ours, over)}
	for rate, mean := range central {
		if own, ok := ours[rate]; ok && mean > over && (v.Over == 0 || rate < v.Over) {
			v.Over, v.Ratio = rate, float64(own)/float64(mean)
		}
	}
	return v
}

// below is the highest rate of which the mean is below a limit, as those of all lower rates are.
func below(means map[int]time.Duration, limit time.Duration) (highest int) {
	for rate, mean := range means {
		if mean >= limit {
			continue
		}
		reached := true
		for lower, other := range means {
			reached = reached && (lower > rate || other < limit)
		}
		if reached {
			highest = max(highest, rate)
		}
	}
	return highest
}

// join makes one report of those in files. The machine and its limits are those of the first.
func join(paths []string) (all report, err error) {
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return all, fmt.Errorf("read figures: %w", err)
		}
		var one report
		if err := json.Unmarshal(text, &one); err != nil {
			return all, fmt.Errorf("read figures in %s: %w", path, err)
		}
		if i == 0 {
			all.Machine, all.Seconds, all.Limits = one.Machine, one.Seconds, one.Limits
		}
		if one.Seconds != all.Seconds {
			return all, fmt.Errorf("%s has %v s a rate and %s %v: only runs of the same length compare", paths[0], all.Seconds, path, one.Seconds)
		}
		all.Trials = append(all.Trials, one.Trials...)
	}
	return all, nil
}

func (r report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the figures: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

func (r report) writeTable(out io.Writer) error {
	m := r.Machine
	fmt.Fprintf(out, "%s, %s %s, GOMAXPROCS %d, load %s; %v s a rate\n", m.Model, m.Go, m.OS, m.Procs, m.Load, r.Seconds)
	r.Limits.write(out)
	for _, l := range lines {
		if err := r.writeLine(out, l); err != nil {
			return err
		}
	}
	return nil
}

func (r report) writeLine(out io.Writer, l line) error {
	if !slices.ContainsFunc(r.Trials, func(t trial) bool { return t.Line == l.name }) {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n(%s) %s\nSIDE\tROOTS/S\tMEAN\tP99\tOWN WORK\tLOST OR LATE\tREFUSED\tTWICE\tLOG LINES\t\n", l.name, l.what)
	for _, t := range r.Trials {
		if t.Line != l.name {
			continue
		}
		note := ""
		if t.Bad {
			note = fmt.Sprintf("a bad handler: %d events", t.Rogue)
		}
		fmt.Fprintf(table, "%s\t%d\t%v\t%v\t%v\t%d\t%d\t%d\t%d\t%s\n", t.Side, t.Rate, short(t.Mean), short(t.P99), short(t.Work),
			t.Unfinished, t.Refused, t.Twice, t.LogLines, note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, v := range r.Verdicts {
		if v.Line == l.name {
			fmt.Fprintln(out, v)
		}
	}
	writeGuarantees(out, l.name)
	return nil
}

// String says a verdict, with the aims.
func (v verdict) String() string {
	text := fmt.Sprintf("%s: below 50 ms: bus to %d roots a second, leafmesh to %d (aim: %g times the bus)", v.Side, v.Bus50, v.Leafmesh50, v.RateAim)
	text += fmt.Sprintf("; below 500 ms: %d and %d", v.Bus500, v.Leafmesh500)
	if v.Over > 0 {
		text += fmt.Sprintf("; at %d, where the bus is over 500 ms, leafmesh's mean is 1/%.0f of it (aim: 1/%.0f)", v.Over, 1/v.Ratio, 1/v.RatioAim)
	}
	return text
}

func short(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(100 * time.Nanosecond)
}

// accounted says what the short form found wrong: at a low rate each root is handled once on both
// sides.
func (r report) accounted() error {
	for _, t := range r.Trials {
		if t.Handled != t.Roots || t.Twice != 0 || t.Mean <= 0 {
			return fmt.Errorf("line %s, %s: of %d roots %d were handled, %d effects came twice; losses %q; log: %s",
				t.Line, t.Side, t.Roots, t.Handled, t.Twice, t.Losses, t.FirstLine)
		}
	}
	return nil
}
