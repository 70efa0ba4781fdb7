package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// report is the outcome of a run.
type report struct {
	Machine machine `json:"machine"`
	Pairs   int     `json:"pairs"`
	Events  int     `json:"events"`
	Rows    []row   `json:"rows"`
	// LeftOut names the rows of which this system does not tell the figures.
	LeftOut []string `json:"left_out,omitempty"`
}

// add adds the rows of comparisons, each with its pairs. One without pairs has none.
func (r *report) add(measured []comparison, pairs [][]pair) {
	r.Rows = []row{} // a list in JSON, also without entries
	for i, c := range measured {
		if len(pairs[i]) == 0 {
			continue
		}
		r.Pairs = max(r.Pairs, len(pairs[i]))
		for _, row := range c.rows(pairs[i]) {
			if known(row.Least) && known(row.Most) {
				r.Rows = append(r.Rows, row)
			} else {
				r.LeftOut = append(r.LeftOut, row.What)
			}
		}
	}
}

// known reports whether a ratio is one: over a figure that is 0, as it could not be had, it is
// none.
func known(ratio float64) bool { return !math.IsNaN(ratio) && !math.IsInf(ratio, 0) }

// machine is what the figures hold for.
type machine struct {
	Go    string `json:"go"`
	OS    string `json:"os"`
	Procs int    `json:"gomaxprocs"`
	// Load is the system's load before the run, or "" where it cannot be read.
	// Above the number of processors, others took part in the measurement.
	Load string `json:"load,omitempty"`
}

func thisMachine() machine {
	m := machine{Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, Procs: runtime.GOMAXPROCS(0)}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	return m
}

func (r report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeFile writes the JSON to a file.
func (r report) writeFile(path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return r.writeJSON(file)
}

func (r report) writeTable(out io.Writer) error {
	m := r.Machine
	fmt.Fprintf(out, "%s %s, GOMAXPROCS %d, load %s; %d pairs, %d events; median (least – most) of the pairs' ratios\n\n",
		m.Go, m.OS, m.Procs, orDash(m.Load), r.Pairs, r.Events)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tAGAINST\tOURS\tOTHER\tRATIO\tCPU RATIO\tAIM\tMET")
	for _, row := range r.Rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.What, row.Other,
			row.oursFigure, row.otherFigure, row.ratio(), row.cpu(), orDash(row.Aim), row.met())
	}
	if err := table.Flush(); err != nil || len(r.LeftOut) == 0 {
		return err
	}
	_, err := fmt.Fprintf(out, "\nleft out, as this system does not tell the figures: %s\n", strings.Join(r.LeftOut, "; "))
	return err
}

func (r row) ratio() string {
	switch r.Metric {
	case rate:
		return fmt.Sprintf("%.0f (%.0f – %.0f)", r.Median, r.Least, r.Most)
	case added, alone, envelope:
		return fmt.Sprintf("%s (%s – %s)", r.Metric.text(r.Median), r.Metric.text(r.Least), r.Metric.text(r.Most))
	}
	return fmt.Sprintf("%.3g (%.3g – %.3g)", r.Median, r.Least, r.Most)
}

func (r row) cpu() string {
	if r.CPU == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3g", r.CPU)
}

func (r row) met() string {
	switch {
	case r.Met == nil:
		return "-"
	case *r.Met:
		return "yes"
	default:
		return "no"
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
