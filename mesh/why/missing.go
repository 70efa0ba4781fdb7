package why

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// whyMissing says why no node that was asked tells of an event, of which its node is known
// or "", and about when it was emitted.
func (b *builder) whyMissing(id cause.ID, node string, at time.Time) string {
	if node == "" {
		return fmt.Sprintf("no node that was asked tells of it: %s", b.reach())
	}
	r := b.reports[node]
	switch {
	case r == nil:
		return node + " was not asked"
	case r.Problem != "":
		return node + ": " + r.Problem
	case r.Withheld > 0:
		return r.withheld()
	case r.Damaged != "":
		return r.damaged()
	case r.More > 0:
		return fmt.Sprintf("the answer of %s had no room for %d records", node, r.More)
	case at.UnixNano() < r.Since && r.Left > 0:
		return fmt.Sprintf("it fell out of the recorder of %s, which reaches back to %s, and the cascade was not kept, or was one of %d that were too many at once",
			node, clockOf(r.Since), r.Left)
	case at.UnixNano() < r.Since:
		return fmt.Sprintf("it fell out of the recorder of %s, which reaches back to %s, before anything went wrong in the cascade there", node, clockOf(r.Since))
	case at.UnixNano() < r.Started:
		return fmt.Sprintf("%s was started again at %s, and had not kept it: nothing had gone wrong in the cascade there", node, clockOf(r.Started))
	}
	return fmt.Sprintf("%s has no record of it", node)
}

// reach says how far back the nodes know what happened.
func (b *builder) reach() (text string) {
	for _, node := range slices.Sorted(maps.Keys(b.reports)) {
		if text != "" {
			text += ", "
		}
		r := b.reports[node]
		switch from := cmp.Or(r.Since, r.Started); {
		case r.Problem != "":
			text += node + ": " + r.Problem
		case r.Withheld > 0:
			text += r.withheld()
		case r.Damaged != "":
			text += r.damaged()
		default:
			text += fmt.Sprintf("%s knows all since %s", node, clockOf(from))
		}
	}
	return cmp.Or(text, "no node was asked")
}

func (r *Report) damaged() string {
	return fmt.Sprintf("%s cannot read all that it kept: %s", r.Node, r.Damaged)
}

func (r *Report) withheld() string {
	return fmt.Sprintf("%s keeps %d records to itself", r.Node, r.Withheld)
}

// missing lists what is not known.
func (b *builder) missing(found bool) (list []string) {
	for _, node := range slices.Sorted(maps.Keys(b.reports)) {
		r := b.reports[node]
		if r.Problem != "" {
			list = append(list, fmt.Sprintf("%s: %s", node, r.Problem))
		}
		if r.Damaged != "" {
			list = append(list, r.damaged())
		}
		if r.More > 0 {
			list = append(list, fmt.Sprintf("%s has %d records more, for which its answer has no room", node, r.More))
		}
		if r.Withheld > 0 {
			list = append(list, r.withheld()+", of cascades that who asked took no part in: ask at its own tap, or as an operator")
		}
	}
	if !found {
		return append(list, fmt.Sprintf("%s is not known: %s. Of older cascades a node keeps those in which something went wrong, and one in %d of the others",
			b.id, b.reach(), sampleOneIn))
	}
	unanswered := map[string]bool{}
	for _, e := range b.all {
		for _, s := range e.Steps {
			if s.Outcome == stats.Exported || s.Outcome == stats.Stored {
				unanswered[fmt.Sprintf("%s went out from %s over its links", e.Type, s.Node)] = true
			}
		}
		for _, s := range e.Steps {
			if s.Outcome == stats.Imported {
				for _, from := range e.Steps {
					delete(unanswered, fmt.Sprintf("%s went out from %s over its links", e.Type, from.Node))
				}
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(unanswered)) {
		list = append(list, what+": what became of it there, the nodes that import it know")
	}
	return list
}

// clockOf is a time as a log has it, in nanoseconds since 1970.
func clockOf(unix int64) string {
	return time.Unix(0, unix).UTC().Format("2006-01-02 15:04:05.000")
}
