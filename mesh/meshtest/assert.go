package meshtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// EventType is a declared event, a *mesh.Event of any type.
type EventType = mesh.EventType

// AssertNothingLeft settles the mesh and fails the test if an event that the
// node emitted crossed a link: if the node counts an export, or if another node
// has an event of this origin. With event types given, only these must not have
// left. An export that no node listened for did not leave.
func AssertNothingLeft(t testing.TB, m *Mesh, node string, events ...EventType) {
	t.Helper()
	m.recorder(t, node) // or fail
	m.Settle(t)
	meant := func(subject string) bool {
		return len(events) == 0 || slices.ContainsFunc(events, func(e EventType) bool { return e.Subject() == subject })
	}
	var left []string
	for _, c := range m.Node(node).Stats().Counts {
		if c.Outcome == stats.Exported && meant(c.Type) {
			left = append(left, fmt.Sprintf("%s exported %d %s", node, c.Count, c.Type))
		}
	}
	for _, n := range m.Nodes {
		if n.Name() == node {
			continue
		}
		for subject, count := range m.recorders[n.Name()].countFrom(node) {
			if meant(subject) {
				left = append(left, fmt.Sprintf("%s got %d %s", n.Name(), count, subject))
			}
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		t.Errorf("meshtest: events of %s crossed a link:\n\t%s", node, strings.Join(left, "\n\t"))
	}
}

// AssertNoneLost settles the mesh and fails the test if any node counts an
// event that was lost, failed, refused or shed. The failure has the errors with which
// handlers gave events up.
func AssertNoneLost(t testing.TB, m *Mesh) {
	t.Helper()
	m.Settle(t)
	if lost := m.losses(); len(lost) > 0 {
		t.Errorf("meshtest: events were lost, failed, refused or shed:\n\t%s", strings.Join(lost, "\n\t"))
	}
}

// countFrom counts the events that a node emitted, by subject.
func (r *recorder) countFrom(origin string) map[string]int {
	counts := map[string]int{}
	for _, e := range r.all() {
		if e.Header.Origin() == origin {
			counts[e.Header.Subject()]++
		}
	}
	return counts
}
