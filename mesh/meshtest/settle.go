package meshtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// lookAgain is how often Settle looks. Counters can not wake anybody, and a
// look costs some 20 µs a node.
const lookAgain = time.Millisecond

// Settle waits until the mesh is at rest: no event is queued or being handled
// on any node, and none is on its way over a link. Then all that was caused by
// what was emitted before has happened. When the time limit is over the test
// fails with what still moves.
//
// It looks twice: nothing waits on any node, everything exported has arrived at
// as many importers as the configs declare, and no counter changed in between.
// That leaves out what only the test knows, so it holds if
//
//   - no goroutine of the test emits meanwhile, and no handler waits for one;
//   - all links live and no node was closed: what was sent to one that is gone
//     never arrives, and Settle fails.
func (m *Mesh) Settle(t testing.TB) {
	t.Helper()
	limit := time.NewTimer(m.limit)
	defer limit.Stop()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	before := m.look()
	for {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("meshtest: not settled after %v\n%s", m.limit, before)
		}
		now := m.look()
		if before.quiet() && now.quiet() && maps.Equal(before.counts, now.counts) {
			return
		}
		before = now
	}
}

// look is one reading of all counters.
type look struct {
	waiting map[string]int64 // by node, of those where something waits
	counts  map[counted]uint64
	// sent is how many arrivals the exports so far must lead to, arrived how
	// many of them there were.
	sent, arrived uint64
}

type counted struct {
	node string
	what stats.Count // without its Count
}

// look reads each node's counters before its queues. Two looks with the same
// counters then prove that nothing was put into a queue between them, and two
// with empty queues that no handler ran at the end of the first.
func (m *Mesh) look() look {
	l := look{waiting: map[string]int64{}, counts: map[counted]uint64{}}
	for _, n := range m.Nodes {
		seen := n.Stats()
		if seen.Waiting != 0 {
			l.waiting[n.Name()] = seen.Waiting
		}
		for _, c := range seen.Counts {
			count := c.Count
			switch {
			case c.Outcome == stats.Exported, c.Outcome == stats.Stored:
				l.sent += count * m.importers(c.Type)
			case c.Outcome == stats.Acknowledged:
				l.arrived += count
			case c.Place == "import" && !m.recorders[n.Name()].durable[c.Type] && c.Outcome != stats.Delayed && c.Outcome != stats.Overflowed && c.Outcome != stats.Evicted:
				l.arrived += count // and was dropped there
			}
			c.Count = 0
			l.counts[counted{n.Name(), c}] = count
		}
		// The counter "imported" is too early: it runs ahead of the queues.
		l.arrived += m.recorders[n.Name()].imported()
	}
	return l
}

func (l look) quiet() bool { return len(l.waiting) == 0 && l.sent == l.arrived }

func (l look) String() string {
	var lines []string
	for _, node := range slices.Sorted(maps.Keys(l.waiting)) {
		lines = append(lines, fmt.Sprintf("\t%s: %d events are queued or being handled", node, l.waiting[node]))
	}
	if l.sent != l.arrived {
		lines = append(lines, fmt.Sprintf("\tlinks: %d arrivals are due, %d events arrived", l.sent, l.arrived))
	}
	if len(lines) == 0 {
		lines = append(lines, "\tcounters still change")
	}
	return strings.Join(lines, "\n")
}

// imported is one declared import of one service or, where each instance gets
// an event, of one node.
type imported struct{ subject, by string }

func importsOf(configs []mesh.Config) (imports []imported) {
	for _, c := range configs {
		for _, i := range c.Imports {
			by := c.Name
			if i.Delivery != mesh.Each {
				by = by[:max(0, strings.LastIndexByte(by, '-'))] // instances share
			}
			imports = append(imports, imported{i.Event, by})
		}
	}
	return imports
}

// importers is how many arrivals one exported event of a type leads to.
func (m *Mesh) importers(subject string) uint64 {
	by := map[string]bool{}
	for _, i := range m.imports {
		if i.subject == subject {
			by[i.by] = true
		}
	}
	return uint64(len(by))
}
