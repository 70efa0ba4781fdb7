package graph

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Node is an event type in a drawing.
type Node struct {
	Name  string
	Marks []string // "exported", …
}

// Arrow is an edge in a drawing. A dashed one was declared and never taken.
type Arrow struct {
	From, To, Label string
	Dashed          bool
}

// Mermaid draws a flowchart in Mermaid's language. The order of nodes and arrows
// is kept, and each arrow's ends must be among the nodes; others are left out.
// Names and labels may hold anything.
func Mermaid(nodes []Node, arrows []Arrow) string {
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

// plain are the signs beside letters and digits that mean nothing to Mermaid
// inside a quoted label.
var plain = []rune(" .,-_/:×→")

// escape writes every other sign as an entity of Mermaid's, "#34;" for a quote.
// What is safe is listed, not what is not: Mermaid's labels know HTML, Markdown
// and entities, and will know more.
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

// Number writes a factor as people read it: two decimals at most.
func Number(f float64) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}
