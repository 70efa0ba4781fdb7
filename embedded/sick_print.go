package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"leafmesh/embedded/sick"
)

// printSick prints for people what the healthy kept beside the sick.
func printSick(w io.Writer, r sick.Result) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "sick\thealthy\ta second, quiet\tsick\tkept\tp99, quiet\tsick\tfactor")
	for _, s := range r.Sicknesses {
		name := s.Name
		for _, h := range s.Healthy {
			fmt.Fprintf(table, "%s\t%s\t%.0f\t%.0f\t%.2f\t%s\t%s\t%.1f\n", name, h.Where,
				h.Quiet.PerSecond, h.Sick.PerSecond, h.Kept, h.Quiet.P99, h.Sick.P99, h.Factor)
			name = ""
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, s := range r.Sicknesses {
		fmt.Fprintf(w, "%s\n    %s\n", s.Line(), counts(s.Counts))
	}
	fmt.Fprintf(w, "\n%s\n", r.Summary)
	return nil
}

// counts lists counters: "shed 1,200, timed_out 96".
func counts(all map[string]uint64) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+" "+grouped(all[name]))
	}
	return strings.Join(list, ", ")
}
