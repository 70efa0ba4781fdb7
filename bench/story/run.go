package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"leafmesh/bench/story/part"
)

// rates are those that each side goes up by, in roots a second, until it is over the top.
var rates = []int{250, 500, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 24_000, 32_000, 48_000, 64_000, 96_000, 128_000}

// Limits of the story: the team's bus took 500 ms for a handled event, and local handling with
// strict limits 50.
const (
	slow = 50 * time.Millisecond
	over = 500 * time.Millisecond
)

// line is one comparison.
type line struct {
	name, what string
	brief      string // for the picture
	sides      []string
	part.Line
}

var lines = []line{
	{"a", "exports at most once, no state", "in memory", []string{bus, leafmesh, together}, part.Line{}},
	{"b", "exports kept on disk, no state", "on disk", []string{bus, leafmesh}, part.Line{Kept: true}},
	{"c", "exports kept on disk, state and commits", "with state", []string{bus, leafmesh}, part.Line{Kept: true, State: true}},
}

const (
	// shortRate and shortFor are of the form that only checks that all works.
	shortRate = 200
	shortFor  = 2 * time.Second
	// badRate is that of the run with a bad handler: half of what is easy for both sides.
	badRate = 500
)

// run measures, prints and draws.
func run(ctx context.Context, s settings, out, progress io.Writer) error {
	get := func() (report, error) { return measureAll(ctx, s, progress) }
	if s.read != "" {
		get = func() (report, error) { return join(strings.Split(s.read, ",")) }
	}
	r, err := get()
	if err != nil {
		return err
	}
	r.judge()
	err = r.writeTable(out)
	if s.json != "" {
		err = errors.Join(err, r.writeJSON(s.json))
	}
	if s.picture != "" {
		err = errors.Join(err, r.draw(s.picture))
	}
	if s.short {
		err = errors.Join(err, r.accounted())
	}
	return err
}

// measureAll measures all sides of the lines that are asked for.
func measureAll(ctx context.Context, s settings, progress io.Writer) (r report, err error) {
	r = report{Machine: thisMachine(), Seconds: s.seconds.Seconds()}
	if s.short {
		r.Seconds = shortFor.Seconds()
	}
	if r.Limits, err = limits(); err != nil {
		return r, err
	}
	for _, l := range lines {
		if !strings.Contains(s.lines, l.name) {
			continue
		}
		for _, side := range l.sides {
			trials, err := climb(ctx, s, l, side, progress)
			r.Trials = append(r.Trials, trials...)
			if err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// climb measures one side of a line at rising rates until it is over, and beside a bad handler.
func climb(ctx context.Context, s settings, l line, side string, progress io.Writer) (trials []trial, err error) {
	length, steps := s.seconds, s.rates
	if s.short {
		length, steps = shortFor, []int{shortRate}
	}
	for _, rate := range steps {
		t, err := measure(ctx, trial{Side: side, Line: l.name, Rate: rate}, l.Line, length)
		if err != nil {
			return trials, err
		}
		fmt.Fprintf(progress, "%s\n", t)
		trials = append(trials, t)
		if t.Mean > over {
			break
		}
	}
	if s.short {
		return trials, nil
	}
	t, err := measure(ctx, trial{Side: side, Line: l.name, Rate: badRate, Bad: true}, l.Line, length)
	fmt.Fprintf(progress, "%s\n", t)
	return append(trials, t), err
}

// String says a trial in a line.
func (t trial) String() string {
	text := fmt.Sprintf("%s %-21s %6d roots/s: mean %v, p99 %v, unfinished %d, refused %d, twice %d, log lines %d, own work %v, late %v",
		t.Line, t.Side, t.Rate, t.Mean, t.P99, t.Unfinished, t.Refused, t.Twice, t.LogLines, t.Work, t.Late)
	if t.Bad {
		text += fmt.Sprintf(", bad handler's events %d", t.Rogue)
	}
	return text
}
