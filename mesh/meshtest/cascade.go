package meshtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// Shape says how far the cascades of a mesh went: what the recorders saw on all
// nodes, since they opened.
type Shape struct {
	// Depth is that of the deepest event; 0 if there were only roots.
	Depth int
	// FanOut is the most events of its cascade that one event caused, on all nodes
	// together. Roots of [mesh.NewRoot] are of cascades of their own.
	FanOut int
	// Loops are the paths in which a type recurs, each once, in order.
	Loops []string
}

// Cascades settles the mesh and gives the shape of its cascades.
func (m *Mesh) Cascades(t testing.TB) (s Shape) {
	t.Helper()
	m.Settle(t)
	children := map[mesh.ID]map[mesh.ID]bool{}
	for _, n := range m.Nodes {
		for _, e := range m.recorders[n.Name()].all() {
			h := e.Header
			s.Depth = max(s.Depth, h.Depth())
			if path := strings.Join(h.Path(), " → "); loops(h.Path()) && !slices.Contains(s.Loops, path) {
				s.Loops = append(s.Loops, path)
			}
			if h.Root == h.ID {
				continue
			}
			if children[h.Parent] == nil {
				children[h.Parent] = map[mesh.ID]bool{}
			}
			children[h.Parent][h.ID] = true // seen by each node that it reached
			s.FanOut = max(s.FanOut, len(children[h.Parent]))
		}
	}
	slices.Sort(s.Loops)
	return s
}

// loops reports whether a type recurs in a path of "node:subject".
func loops(path []string) bool {
	seen := map[string]bool{}
	for _, step := range path {
		_, subject, _ := strings.Cut(step, ":")
		if seen[subject] {
			return true
		}
		seen[subject] = true
	}
	return false
}

// AssertCascadesWithin settles the mesh and fails the test if a cascade went
// deeper than depth, or if one event caused more than fanOut others.
func AssertCascadesWithin(t testing.TB, m *Mesh, depth, fanOut int) {
	t.Helper()
	if s := m.Cascades(t); s.Depth > depth || s.FanOut > fanOut {
		t.Errorf("meshtest: cascades have depth %d and fan-out %d, want at most %d and %d", s.Depth, s.FanOut, depth, fanOut)
	}
}

// AssertAcyclic settles the mesh and fails the test if a type recurred in its
// own path.
func AssertAcyclic(t testing.TB, m *Mesh) {
	t.Helper()
	if s := m.Cascades(t); len(s.Loops) > 0 {
		t.Errorf("meshtest: a type recurs in its own path:\n\t%s", strings.Join(s.Loops, "\n\t"))
	}
}

// AssertAccounted settles the mesh and fails the test unless every event that a
// node admitted is accounted for, exactly, at each place that takes its type:
//
//	admitted  = delivered + shed by "queue-full" or "cut" + lost by "malformed"
//	delivered = handled + failed + coalesced + shed by "breaker" or a rule at the handler + lost by "closed"
//
// and unless every export arrived or was counted where it was dropped, which is
// part of settling.
func AssertAccounted(t testing.TB, m *Mesh) {
	t.Helper()
	m.Settle(t)
	var wrong []string
	for _, n := range m.Nodes {
		wrong = append(wrong, unaccounted(n.Name(), n.Stats().Counts)...)
	}
	if len(wrong) > 0 {
		t.Errorf("meshtest: events are not accounted for:\n\t%s", strings.Join(wrong, "\n\t"))
	}
}

// account is what is counted of one type at one place of a node.
type account struct{ taken, delivered, ended uint64 }

type accountKey struct{ subject, place string }

// unaccounted lists the places of handlers whose counters do not add up.
func unaccounted(node string, counts []stats.Count) (wrong []string) {
	admitted, accounts := map[string]uint64{}, map[accountKey]account{}
	for _, c := range counts {
		if c.Outcome == stats.Admitted {
			admitted[c.Type] = c.Count
		}
		if strings.HasPrefix(c.Place, "handler ") {
			key := accountKey{c.Type, c.Place}
			accounts[key] = accounts[key].with(c)
		}
	}
	for subject := range admitted { // what reached no handler at all has no count of one
		if key := (accountKey{subject, "handler " + recorderName}); accounts[key] == (account{}) {
			accounts[key] = account{}
		}
	}
	for key, a := range accounts {
		if a.taken != admitted[key.subject] {
			wrong = append(wrong, fmt.Sprintf("%s: %d %s admitted, %d accounted for at %s",
				node, admitted[key.subject], key.subject, a.taken, key.place))
		}
		if a.delivered != a.ended {
			wrong = append(wrong, fmt.Sprintf("%s: %d %s delivered to %s, %d accounted for",
				node, a.delivered, key.subject, key.place, a.ended))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func (a account) with(c stats.Count) account {
	switch {
	case c.Outcome == stats.Delivered:
		a.taken += c.Count
		a.delivered += c.Count
	case c.Outcome == stats.Handled, c.Outcome == stats.Failed, c.Outcome == stats.Coalesced, c.Outcome == stats.Lost && c.Rule == "closed":
		a.ended += c.Count
	case c.Outcome == stats.Shed && c.Rule != "queue-full" && c.Rule != "cut":
		a.ended += c.Count
	case c.Outcome == stats.Shed, c.Outcome == stats.Lost && c.Rule == "malformed":
		a.taken += c.Count
	}
	return a
}
