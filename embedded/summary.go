package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"leafmesh/embedded/replay"
)

// topRows is how much of a leaderboard is shown to people.
const topRows = 10

// summarize prints a result for people.
func summarize(w io.Writer, r replay.Result) error {
	fmt.Fprintf(w, "%s guesses of %s in %.2f s: %s a second\n\n", thousands(r.Guesses), counted(r.Teams, "team"), r.ElapsedSeconds, thousands(perSecond(r)))
	for _, one := range []struct {
		name  string
		count int
	}{{"correct", r.Correct}, {"wrong", r.Wrong}, {"mismatches with the log", r.Mismatches}, {"rows skipped", r.Skipped}} {
		fmt.Fprintf(w, "%9s  %s\n", thousands(one.count), one.name)
	}
	if err := printNodes(w, r.Nodes); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return printBoard(w, r.Leaderboard, topRows)
}

func perSecond(r replay.Result) int {
	if r.ElapsedSeconds <= 0 {
		return 0
	}
	return int(float64(r.Guesses) / r.ElapsedSeconds)
}

// printNodes prints what became of the events of each type on each node.
func printNodes(w io.Writer, nodes map[string]replay.Counters) error {
	if len(nodes) == 0 {
		return nil
	}
	outcomes := []string{"admitted", "handled", "exported", "imported", "shed", "refused", "failed", "lost"}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "\nnode\tevent")
	for _, o := range outcomes {
		fmt.Fprintf(table, "\t%s", o)
	}
	fmt.Fprintln(table)
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		for _, event := range slices.Sorted(maps.Keys(nodes[node])) {
			fmt.Fprintf(table, "%s\t%s", node, event)
			for _, o := range outcomes {
				fmt.Fprintf(table, "\t%s", grouped(nodes[node][event][o]))
			}
			fmt.Fprintln(table)
		}
	}
	return table.Flush()
}

// printBoard prints the first rows of a leaderboard.
func printBoard(w io.Writer, board []replay.Standing, top int) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "rank\tpoints\tsolves\tlast solve\tteam")
	for _, s := range board[:min(top, len(board))] {
		last := "-"
		if s.LastSolve != nil {
			last = s.LastSolve.Format("2006-01-02 15:04:05")
		}
		// The name comes last: no tabwriter knows how wide it is.
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", s.Rank, thousands(s.Points), thousands(s.Solves), last, s.Team)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(board) - top; more > 0 {
		fmt.Fprintf(w, "and %s\n", counted(more, "more team"))
	}
	return nil
}
