// Command story tells the story behind leafmesh in figures: the hunt's cascade through a central
// bus as it is usually built, and by leafmesh, at the same rates on the same machine.
//
// Each service is a process of its own on both sides, and the bus is one too. leafmesh is measured
// a second time with all services in one process. A rate is measured on new processes with new
// data. The packages central and leaf say how each side is built and what it guarantees.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"leafmesh/bench/story/cascade"
	"leafmesh/bench/story/central"
	"leafmesh/bench/story/leaf"
	"leafmesh/bench/story/part"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := be(ctx, os.Getenv(part.Variable)); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "story:", err)
		}
		os.Exit(1)
	}
}

// be is what this process is to be: the story itself or one of its parts.
func be(ctx context.Context, what string) error {
	switch what {
	case part.Bus:
		return central.Serve(os.Args[1:])
	case part.Service:
		return part.Serve(ctx, os.Stdin, os.Stdout, func(ctx context.Context, a part.Assignment, account *cascade.Account) (part.Side, error) {
			return open[a.Side](ctx, a, account)
		})
	}
	s, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	if s.soak > 0 {
		return soak(ctx, s.soak, soakRate, os.Stdout)
	}
	return run(ctx, s, os.Stdout, os.Stderr)
}

// open opens a service's part of each side.
var open = map[string]part.Open{bus: central.Open, leafmesh: leaf.Open, together: leaf.OpenTogether}

// settings are what the flags say.
type settings struct {
	seconds time.Duration
	soak    time.Duration
	lines   string
	rates   []int // roots a second, rising
	short   bool
	json    string
	read    string
	picture string
}

func parse(arguments []string, output io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("story", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.DurationVar(&s.seconds, "for", 30*time.Second, "how long each rate is measured")
	flags.DurationVar(&s.soak, "soak", 0, "no comparison: let leafmesh run for so long, and fail unless what it takes stays flat")
	flags.StringVar(&s.lines, "lines", "abc", "which lines to measure: a, b, c")
	s.rates = rates
	flags.Func("rates", "roots a second, rising, with commas: 1000,4000 (default: 250 to 128,000 in 16 steps)", s.setRates)
	flags.BoolVar(&s.short, "short", false, "only a low rate of each, and fail if something is not accounted for")
	flags.StringVar(&s.json, "json", "", "write all figures to this file")
	flags.StringVar(&s.read, "read", "", "measure nothing: join the figures of these files, with commas between, that -json wrote")
	flags.StringVar(&s.picture, "picture", "", "draw the lines into this SVG file")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if s.soak != 0 && s.soak < time.Second {
		return s, errors.New("-soak is at least 1s")
	}
	if s.seconds < time.Second || flags.NArg() > 0 || s.lines == "" || strings.Trim(s.lines, "abc") != "" {
		return s, errors.New("-for is at least 1s, -lines has letters of abc, and there are no arguments")
	}
	return s, nil
}

// setRates reads the rates of a flag.
func (s *settings) setRates(text string) error {
	s.rates = nil
	for word := range strings.SplitSeq(text, ",") {
		rate, err := strconv.Atoi(word)
		if err != nil || rate < 1 || len(s.rates) > 0 && rate <= s.rates[len(s.rates)-1] {
			return errors.New("rates are whole numbers above 0, each higher than the one before")
		}
		s.rates = append(s.rates, rate)
	}
	return nil
}
