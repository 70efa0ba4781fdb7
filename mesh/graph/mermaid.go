package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Mermaid draws the graph as a flowchart in Mermaid's language, which many viewers of Markdown
// show. Each arrow has its handler and its factor; one that was declared and not seen is dashed.
// Equal graphs give equal text.
func (g Graph) Mermaid() string {
	var boxes []box
	for _, t := range g.Types {
		b := box{Name: t.Type}
		if t.Exported {
			b.Marks = append(b.Marks, "exported")
		}
		if t.Imported {
			b.Marks = append(b.Marks, "imported")
		}
		boxes = append(boxes, b)
	}
	var arrows []arrow
	for _, e := range g.Edges {
		label := e.Handler + " ×" + number(e.Factor)
		if len(g.Nodes) > 1 {
			label = e.Service + "/" + label
		}
		arrows = append(arrows, arrow{From: e.From, To: e.To, Label: label, Dashed: e.Count+e.Refused == 0})
	}
	return mermaid(boxes, arrows)
}

// box is an event type in a drawing.
type box struct {
	Name  string
	Marks []string // "exported", …
}

// arrow is an edge in a drawing. A dashed one was declared and never taken.
type arrow struct {
	From, To, Label string
	Dashed          bool
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

// number writes a factor as people read it: two decimals at most.
func number(f float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}
