package graph

import (
	"fmt"
	"strconv"
	"strings"
)

// maxNotes bounds the cycles that a drawing tells of: those with the fewest types.
const maxNotes = 12

// notes are what stands below a drawing: the nodes, if there are several, and the cycles.
func (g Graph) notes() (notes []string) {
	if len(g.Nodes) > 1 {
		notes = append(notes, "nodes: "+strings.Join(g.Nodes, ", "))
	}
	for i, c := range g.Cycles {
		if i == maxNotes {
			notes = append(notes, fmt.Sprintf("and %d cycles more", len(g.Cycles)-i))
			break
		}
		notes = append(notes, fmt.Sprintf("cycle, gain %s: %s → %s", number(c.Gain), strings.Join(c.Types, " → "), c.Types[0]))
	}
	if g.CyclesCut {
		notes = append(notes, "there are cycles that were not looked for: too many")
	}
	return notes
}

// onCycles has the pairs of types whose edges are on a cycle.
func (g Graph) onCycles() map[[2]string]bool {
	pairs := map[[2]string]bool{}
	for _, c := range g.Cycles {
		for i, from := range c.Types {
			pairs[[2]string{from, c.Types[(i+1)%len(c.Types)]}] = true
		}
	}
	return pairs
}

func (t Type) marks() (marks []string) {
	if t.Exported {
		marks = append(marks, "exported")
	}
	if t.Imported {
		marks = append(marks, "imported")
	}
	return marks
}

// title names a type with its marks.
func (t Type) title() string {
	if marks := t.marks(); len(marks) > 0 {
		return t.Type + " (" + strings.Join(marks, ", ") + ")"
	}
	return t.Type
}

// label says what an edge is. Where there are several nodes it has the service.
func (e Edge) label(several bool) string {
	label := e.Handler + " ×" + number(e.Factor)
	if several {
		label = e.Service + "/" + label
	}
	if e.Rate > 0 {
		label += ", " + number(e.Rate) + "/s"
	}
	return label
}

// unseen reports whether an edge was declared and never taken.
func (e Edge) unseen() bool { return e.Count+e.Refused == 0 }

// number writes a factor as people read it: two decimals at most.
func number(f float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}
