package mesh

import (
	"cmp"
	"leafmesh/mesh/stats"
	"slices"
	"strings"
)

// Stats gives the node's counters. It may be called at any time, also after
// Close.
func (n *Node) Stats() stats.Stats {
	for _, i := range n.imports {
		i.countDropped()
	}
	s := stats.Stats{Node: n.name, Counts: n.counters.list(), Links: n.links(), Cascades: n.guard.stats()}
	for _, r := range n.receivers() {
		s.Waiting += r.depth()
	}
	s.Waiting += n.kept()
	n.addDurable(&s)
	return s
}

// kept counts the events that rules keep.
func (n *Node) kept() (sum int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.coalescing {
		sum += int64(l.coalescer.len())
	}
	return sum
}

func (c *counters) list() []stats.Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := []stats.Count{} // a list in JSON, also without entries
	for key, cell := range c.cells {
		if n := cell.Load(); n > 0 {
			counts = append(counts, stats.Count{Type: key.subject, Outcome: key.outcome, Place: key.place, Rule: key.rule, Count: n})
		}
	}
	slices.SortFunc(counts, func(a, b stats.Count) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), cmp.Compare(a.Outcome, b.Outcome),
			strings.Compare(a.Place, b.Place), strings.Compare(a.Rule, b.Rule))
	})
	return counts
}
