package meshtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"leafmesh/mesh"
)

// reported is how many events a failure lists: the last ones.
const reported = 20

// seenOn says what a failed wait saw: the events of the type, how many of other
// types the node recorded, and what went wrong anywhere.
func seenOn[T any](m *Mesh, r *recorder, subject string, got []Received[T]) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d recorded:\n", len(got))
	if skipped := len(got) - reported; skipped > 0 {
		fmt.Fprintf(&b, "\t(%d more)\n", skipped)
		got = got[skipped:]
	}
	for _, e := range got {
		fmt.Fprintf(&b, "\t%+v from %s, depth %d\n", e.Value, e.Header.Origin(), e.Header.Depth())
	}
	others := map[string]int{}
	for _, e := range r.all() {
		if s := e.Header.Subject(); s != subject {
			others[s]++
		}
	}
	for _, s := range slices.Sorted(maps.Keys(others)) {
		fmt.Fprintf(&b, "other events on %s: %d %s\n", r.node, others[s], s)
	}
	for _, l := range append(m.Nodes.Failing(), m.losses()...) {
		fmt.Fprintf(&b, "%s\n", l)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// losses names what was lost, failed, refused or shed anywhere, and the first errors of what
// handlers gave up.
func (m *Mesh) losses() []string {
	list := m.Nodes.Losses()
	for _, n := range m.Nodes {
		// A letter that this program has made can be read.
		letters, _ := appendOf(nil, mesh.DeadLetters, m.recorders[n.Name()].all())
		var reasons []string
		times := map[string]int{}
		for _, l := range letters {
			reason := fmt.Sprintf("%s given up at handler %s: %s", l.Value.Subject, l.Value.Handler, l.Value.Error)
			if times[reason]++; times[reason] == 1 {
				reasons = append(reasons, reason)
			}
		}
		for _, reason := range reasons[:min(len(reasons), reported)] {
			list = append(list, fmt.Sprintf("%s: %d × %s", n.Name(), times[reason], reason))
		}
	}
	return list
}
