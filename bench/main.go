// Command bench compares leafmesh with what else could carry the same events,
// and prints a table of ratios.
//
// Each ratio is of two things measured in turn (ours, the other, ours, …) in
// one run with the same payload, so that a busy or a slow machine changes both.
// README.md says how each one is measured. A ratio that misses its aim is shown
// and is no error: this measures, it does not test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"time"
)

// sampleLog is a small guess log, for whoever has no other.
const sampleLog = "../embedded/testdata/small-log.csv"

// settings are what the flags say.
type settings struct {
	pairs   int
	events  int
	within  time.Duration
	json    bool
	write   string
	only    string
	profile string
	log     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work := func() error { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) }
	if importer := os.Getenv(floodVariable); importer != "" {
		work = func() error { return beFloodPeer(ctx, importer, os.Stdin, os.Stdout) }
	}
	if settings := os.Getenv(idleVariable); settings != "" {
		work = func() error { return beIdle(ctx, settings, os.Stdin, os.Stdout) }
	}
	if err := work(); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// run measures and prints: the table or the JSON to out, progress to progress.
func run(ctx context.Context, arguments []string, out, progress io.Writer) (err error) {
	s, err := parse(arguments, progress)
	if err != nil {
		return err
	}
	if s.profile != "" {
		stop, err := startProfile(s.profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	r := report{Machine: thisMachine(), Events: s.events}
	chosen, err := choose(comparisons(s.events, s.log), s.only)
	if err != nil {
		return err
	}
	// A comparison that fails ends the run. What was measured until then is written.
	pairs, err := measureAll(ctx, chosen, s, progress)
	r.add(chosen, pairs)
	if s.write != "" {
		err = errors.Join(err, r.writeFile(s.write))
	}
	if s.json {
		return errors.Join(err, r.writeJSON(out))
	}
	return errors.Join(err, r.writeTable(out))
}

// measureAll goes through all comparisons, a pair of each at a time, as often as asked for. So what
// changes on the machine in the course of minutes changes all rows. Where a time is given, it ends
// before a further round would go beyond that. With an error come the pairs that were measured
// before.
func measureAll(ctx context.Context, chosen []comparison, s settings, progress io.Writer) (pairs [][]pair, err error) {
	begun, longest := time.Now(), time.Duration(0)
	pairs = make([][]pair, len(chosen))
	defer show(progress, "")
	for rounds := 0; rounds < s.pairs && (rounds == 0 || s.within == 0 || time.Since(begun)+longest < s.within); rounds++ {
		round := time.Now()
		for i, c := range chosen {
			show(progress, fmt.Sprintf("round %d of %d: %s", rounds+1, s.pairs, c))
			p, err := c.measure(ctx)
			if err != nil {
				return pairs, fmt.Errorf("%s, pair %d: %w", c, rounds+1, err)
			}
			pairs[i] = append(pairs[i], p)
		}
		longest = max(longest, time.Since(round))
	}
	return pairs, nil
}

// choose gives the comparisons that a text names. That it names none is an error, which lists the
// names: an empty table would look as if nothing was to be said.
func choose(all []comparison, only string) (chosen []comparison, err error) {
	var names []string
	for _, c := range all {
		if c.matches(only) {
			chosen = append(chosen, c)
		}
		names = append(names, c.String())
		for _, a := range c.aims {
			names = append(names, "    "+a.what)
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("-only %q: no comparison and no row has that in its name; there are\n%s", only, strings.Join(names, "\n"))
	}
	return chosen, nil
}

// show keeps one line on a terminal up to date. An empty text clears it.
func show(progress io.Writer, text string) {
	file, ok := progress.(*os.File)
	if !ok {
		return
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	fmt.Fprint(file, "\r\x1b[K", text)
}

func parse(arguments []string, output io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.IntVar(&s.pairs, "pairs", 5, "how often each two are measured")
	flags.IntVar(&s.events, "events", 500_000, "events in a throughput run of the quickest; slower ones get a fixed share")
	flags.DurationVar(&s.within, "within", 0, "measure fewer pairs, at least one, where more would take longer than this; 0: no bound")
	flags.StringVar(&s.write, "write", "", "write JSON with the figures of every pair to this file, beside the table")
	flags.BoolVar(&s.json, "json", false, "print JSON with the figures of every pair instead of the table")
	flags.StringVar(&s.only, "only", "", "measure only comparisons that have this in their name or in a row's")
	flags.StringVar(&s.log, "log", sampleLog, "the guess log whose events are measured in bytes")
	flags.StringVar(&s.profile, "cpuprofile", "", "write a CPU profile to this file, labelled by side")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	if s.pairs < 1 || s.events < 1 || s.within < 0 || flags.NArg() > 0 {
		return s, errors.New("-pairs and -events are at least 1, -within is not negative, and there are no arguments")
	}
	return s, nil
}

// startProfile profiles until stop is called.
func startProfile(path string) (stop func() error, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
