// Command compare says whether a change made leafmesh slower: it measures the working tree and an
// older commit in turn, and prints what benchstat finds.
//
//	make bench-compare ARGS='-base v0.1.0 -runs 20'
//
// Measured are the benchmarks of package mesh, and our side of each row of bench. Both trees are
// built beforehand, and each run of the one is followed by a run of the other, so that a busy or a
// slow machine changes both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
)

// benchstat is pinned here and run from source, as the linters are.
const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// settings are what the flags say.
type settings struct {
	base   string
	runs   int
	events int
	bench  string
	time   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "compare:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out, progress io.Writer) (err error) {
	var s settings
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&s.base, "base", "66fcb01", "the commit to compare with")
	flags.IntVar(&s.runs, "runs", 10, "how often each tree is measured")
	flags.IntVar(&s.events, "events", 100_000, "events in a throughput run of the quickest row of bench; 0: no row of bench")
	flags.StringVar(&s.bench, "bench", ".", "which benchmarks of package mesh")
	flags.StringVar(&s.time, "benchtime", "300ms", "how long each benchmark runs")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if s.runs < 1 || s.events < 0 || flags.NArg() > 0 {
		return errors.New("-runs is at least 1, -events is not negative, and there are no arguments")
	}
	dir, err := os.MkdirTemp("", "leafmesh-compare-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	root, err := output(ctx, "", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	base := filepath.Join(dir, "tree")
	if _, err := output(ctx, root, "git", "worktree", "add", "--quiet", "--detach", base, s.base); err != nil {
		return err
	}
	defer func() {
		_, gone := output(context.WithoutCancel(ctx), root, "git", "worktree", "remove", "--force", base)
		err = errors.Join(err, gone)
	}()
	var trees []tree
	for _, t := range []tree{{name: s.base, folder: base}, {name: "working-tree", folder: root}} {
		t.program = filepath.Join(dir, "program-"+t.name)
		t.results = filepath.Join(dir, t.name)
		if err := t.build(ctx); err != nil {
			return err
		}
		trees = append(trees, t)
	}
	for i := range s.runs {
		fmt.Fprintf(progress, "run %d of %d\n", i+1, s.runs)
		for _, t := range trees {
			if err := t.measure(ctx, s); err != nil {
				return err
			}
		}
	}
	table, err := output(ctx, root, "go", "run", benchstat, trees[0].name+"="+trees[0].results, trees[1].name+"="+trees[1].results)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, table)
	return err
}

// tree is one of the two versions.
type tree struct {
	name, folder string
	program      string // what it is built to: .test and .bench
	results      string // the file of all its runs
}

func (t tree) build(ctx context.Context) error {
	if _, err := output(ctx, t.folder, "go", "test", "-c", "-o", t.program+".test", "./mesh"); err != nil {
		return err
	}
	_, err := output(ctx, filepath.Join(t.folder, "bench"), "go", "build", "-o", t.program+".bench", ".")
	return err
}

// measure adds one run to the results.
func (t tree) measure(ctx context.Context, s settings) (err error) {
	file, err := os.OpenFile(t.results, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines, err := output(ctx, filepath.Join(t.folder, "mesh"), t.program+".test", "-test.run", "^$", "-test.bench", s.bench, "-test.benchtime", s.time)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(file, lines); err != nil || s.events == 0 {
		return err
	}
	report, err := output(ctx, t.folder, t.program+".bench", "-json", "-pairs", "1", "-events", strconv.Itoa(s.events))
	if err != nil {
		return err
	}
	return writeRows(file, []byte(report))
}

// output runs a command and returns what it prints, without the last line break.
func output(ctx context.Context, folder, name string, arguments ...string) (string, error) {
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir = folder
	printed, err := c.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s in %s: %w\n%s%s", c, folder, err, printed, failed.Stderr)
	} else if err != nil {
		return "", fmt.Errorf("%s: %w", c, err)
	}
	for len(printed) > 0 && printed[len(printed)-1] == '\n' {
		printed = printed[:len(printed)-1]
	}
	return string(printed), nil
}
