package main

import (
	"fmt"
	"strings"
	"time"

	"leafmesh/embedded/cluster"
	"leafmesh/embedded/players"
	"leafmesh/mesh/stats"
)

// status is what the status line says.
type status struct {
	guesses, solves                 uint64
	local, exported, imported, shed uint64
	refused, lost                   uint64
	linksUp, links                  int
	finished, failures              int
}

// statusOf sums the counters of all nodes.
func statusOf(c *cluster.Cluster, crowd *players.Crowd) status {
	s := status{finished: crowd.Finished(), failures: crowd.Failures()}
	for _, n := range c.Nodes {
		now := n.Stats()
		exported, imported := now.Total(stats.Exported)+now.Total(stats.Stored), now.Total(stats.Imported)
		s.exported += exported
		s.imported += imported
		// What this node emitted and kept: the admitted ones are those that it emitted and those
		// that came in.
		s.local += now.Total(stats.Admitted) - min(now.Total(stats.Admitted), exported+imported)
		s.shed += now.Total(stats.Shed)
		s.refused += now.Total(stats.Refused)
		s.lost += now.Total(stats.Lost) + now.Total(stats.Failed)
		s.guesses += now.Of("clue.answer.submitted", stats.Admitted)
		if n.Name() == "clue-1" {
			s.solves = now.Of("clue.clue.solved", stats.Admitted)
		}
		for _, l := range now.Links {
			if l.Direction != "imports" {
				continue // the same link, seen from its other end
			}
			s.links++
			if l.Connected {
				s.linksUp++
			}
		}
	}
	return s
}

// line is the status line after a time of play.
func (s status) line(t time.Duration) string {
	t = t.Round(time.Second)
	return fmt.Sprintf("%02d:%02d  %s", int(t.Minutes()), int(t.Seconds())%60, s.totals())
}

// totals is the status line without the time.
func (s status) totals() string {
	var b strings.Builder
	fmt.Fprintf(&b, "guesses %s  solves %s  finished %d  events local %s exported %s imported %s shed %s",
		grouped(s.guesses), grouped(s.solves), s.finished, grouped(s.local), grouped(s.exported), grouped(s.imported), grouped(s.shed))
	// What should never be seen takes room only when it is there.
	for _, one := range []struct {
		name  string
		count uint64
	}{{"refused", s.refused}, {"lost", s.lost}, {"failed calls", uint64(s.failures)}} {
		if one.count > 0 {
			fmt.Fprintf(&b, " %s %s", one.name, grouped(one.count))
		}
	}
	fmt.Fprintf(&b, "  links %d/%d", s.linksUp, s.links)
	return b.String()
}
