package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Mermaid draws the graph as a flowchart in Mermaid's language, which many viewers of Markdown
// show. Each arrow has its handler, its factor, and its rate if it has one; one
// that was declared and not seen is dashed, and those of a cycle are red. Below stand the nodes, if
// there are several, and the cycles with their gain. Equal graphs give equal text.
func (g Graph) Mermaid() string {
	var boxes []box
	for _, t := range g.Types {
		boxes = append(boxes, box{Name: t.Type, Marks: t.marks()})
	}
	var arrows []arrow
	cycles := g.onCycles()
	for _, e := range g.Edges {
		arrows = append(arrows, arrow{From: e.From, To: e.To, Label: e.label(len(g.Nodes) > 1), Dashed: e.unseen(), Cycle: cycles[[2]string{e.From, e.To}]})
	}
	text := mermaid(boxes, arrows)
	for i, note := range g.notes() {
		text += fmt.Sprintf("    n%d[\"%s\"]\n    style n%[1]d fill:none,stroke:none\n", i, escape(note))
	}
	return text
}

// box is an event type in a drawing.
type box struct {
	Name  string
	Marks []string // "exported", …
}

// arrow is an edge in a drawing. A dashed one was declared and never taken.
type arrow struct {
	From, To, Label string
	Dashed, Cycle   bool
}

// mermaid draws a flowchart in Mermaid's language. The order of nodes and arrows is kept, and each
// arrow's ends must be among the nodes; others are left out. Names and labels may hold anything.
func mermaid(nodes []box, arrows []arrow) string {
	var text strings.Builder
	text.WriteString("flowchart LR\n")
	index := map[string]int{}
	for i, n := range nodes {
		index[n.Name] = i
		label := escape(n.Name)
		if len(n.Marks) > 0 {
			label += " (" + escape(strings.Join(n.Marks, ", ")) + ")"
		}
		fmt.Fprintf(&text, "    t%d[\"%s\"]\n", i, label)
	}
	drawn := 0
	for _, a := range arrows {
		from, known := index[a.From]
		to, alsoKnown := index[a.To]
		if !known || !alsoKnown {
			continue
		}
		line := "-->"
		if a.Dashed {
			line = "-.->"
		}
		fmt.Fprintf(&text, "    t%d %s|\"%s\"| t%d\n", from, line, escape(a.Label), to)
		if a.Cycle {
			fmt.Fprintf(&text, "    linkStyle %d stroke:#c22\n", drawn)
		}
		drawn++
	}
	return text.String()
}

// plain are the signs beside letters and digits that mean nothing to Mermaid inside a quoted label.
var plain = []rune(" .,-_/:×→")

// escape writes every other sign as an entity of Mermaid's, "#34;" for a quote. What is safe is
// listed, not what is not: Mermaid's labels know HTML, Markdown and entities, and will know more.
func escape(label string) string {
	var text strings.Builder
	for _, c := range label { // a byte that is no UTF-8 is read as U+FFFD
		if unicode.IsLetter(c) || unicode.IsDigit(c) || slices.Contains(plain, c) {
			text.WriteRune(c)
		} else {
			text.WriteString("#" + strconv.Itoa(int(c)) + ";")
		}
	}
	return text.String()
}
