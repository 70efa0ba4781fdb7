package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"leafmesh/embedded/measure"
	"leafmesh/embedded/storm"
)

// printStorm prints a storm's result for people.
func printStorm(w io.Writer, r storm.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name string, cell func(storm.Trial) string) {
		fmt.Fprintf(table, "%s\t%s\t%s\n", name, cell(r.Off), cell(r.On))
	}
	fmt.Fprintln(table, "\tguard off\tguard on")
	row("bounds", func(t storm.Trial) string {
		return fmt.Sprintf("depth %d, loops %d, descendants %s", t.Bounds.Depth, t.Bounds.Loops, thousands(t.Bounds.Descendants))
	})
	row("root events", func(t storm.Trial) string { return thousands(t.Roots) })
	row("events handled", func(t storm.Trial) string { return grouped(t.Handled) })
	row("  allowed at most", func(t storm.Trial) string { return grouped(t.Allowed) })
	for _, rule := range rulesOf(r) {
		row("refused by "+rule, func(t storm.Trial) string { return grouped(t.Refused[rule]) })
	}
	row("lost", func(t storm.Trial) string { return grouped(t.Lost) })
	row("ended by", func(t storm.Trial) string { return string(t.EndedBy) })
	row("neighbour, quiet", func(t storm.Trial) string { return handlingTime(t.Quiet) })
	row("neighbour, storm", func(t storm.Trial) string { return handlingTime(t.Storm) })
	row("largest heap", func(t storm.Trial) string { return fmt.Sprintf("%.1f MB", float64(t.PeakHeap)/1e6) })
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, rule := range slices.Sorted(maps.Keys(r.On.Examples)) {
		fmt.Fprintln(w, r.On.Examples[rule])
	}
	fmt.Fprintf(w, "\n%s\n", r.Summary)
	return nil
}

// rulesOf lists the rules that refused something in one of the trials.
func rulesOf(r storm.Result) []string {
	rules := maps.Clone(r.Off.Refused)
	maps.Copy(rules, r.On.Refused)
	return slices.Sorted(maps.Keys(rules))
}

func handlingTime(h measure.Handling) string {
	return fmt.Sprintf("mean %s, p99 %s", h.Mean, h.P99)
}
