package graph

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Measures of a drawing, in pixels.
const (
	letter   = 7.3 // how wide one is, at most, of the font below
	boxHigh  = 34
	rowHigh  = 78
	lineHigh = 15
	margin   = 24
)

// SVG draws the graph as an image that browsers show, with no script and nothing to fetch. Each
// arrow has its handlers, factors and rates; one that was declared and not seen is dashed, and
// those of a cycle are red. Below stand the nodes, if there are several, and the cycles with their
// gain. Equal graphs give equal text.
func (g Graph) SVG() string {
	d := newDrawing(g)
	notes := g.notes()
	wide := d.wide
	for _, note := range notes {
		wide = max(wide, 2*margin+letter*float64(utf8.RuneCountInString(note)))
	}
	high := d.high + lineHigh*float64(len(notes)) + margin
	var text strings.Builder
	fmt.Fprintf(&text, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]v %[2]v">
<style>text{font:12px ui-monospace,monospace;fill:#222}.label{paint-order:stroke;stroke:#fff;stroke-width:4px}rect{fill:#eef3fb;stroke:#5b7db1}.exported{stroke-width:2.5}path{fill:none;stroke:#667}.cycle{stroke:#c22}.declared{stroke-dasharray:5 4}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z" style="fill:context-stroke;stroke:none"/></marker></defs>
<rect width="100%%" height="100%%" style="fill:#fff;stroke:none"/>
`, float64(int(wide+1)), float64(int(high+1)))
	for _, a := range d.arrows {
		d.path(&text, a)
	}
	for i, t := range g.Types {
		d.box(&text, i, t)
	}
	for _, a := range d.arrows {
		d.label(&text, a)
	}
	for i, note := range notes {
		fmt.Fprintf(&text, "<text x=\"%d\" y=\"%.0f\">%s</text>\n", margin, d.high+lineHigh*float64(i), inXML(note))
	}
	text.WriteString("</svg>\n")
	return text.String()
}

// drawing is where everything stands.
type drawing struct {
	x, y, boxWide []float64 // of the types
	arrows        []drawn
	wide, high    float64
}

// drawn is an arrow, for all edges from one type to another.
type drawn struct {
	link
	labels          []string
	declared, cycle bool
}

func newDrawing(g Graph) *drawing {
	d := &drawing{x: make([]float64, len(g.Types)), y: make([]float64, len(g.Types))}
	index := map[string]int{}
	for i, t := range g.Types {
		index[t.Type] = i
		d.boxWide = append(d.boxWide, letter*float64(utf8.RuneCountInString(t.title()))+20)
	}
	cycles, at := g.onCycles(), map[link]int{}
	var links []link
	for _, e := range g.Edges {
		l := link{index[e.From], index[e.To]}
		i, known := at[l]
		if !known {
			i = len(d.arrows)
			at[l] = i
			links = append(links, l)
			d.arrows = append(d.arrows, drawn{link: l, declared: true, cycle: cycles[[2]string{e.From, e.To}]})
		}
		d.arrows[i].labels = append(d.arrows[i].labels, e.label(len(g.Nodes) > 1))
		d.arrows[i].declared = d.arrows[i].declared && e.unseen()
	}
	d.place(layers(len(g.Types), links))
	return d
}

// place sets the columns side by side, with room for the labels between them.
func (d *drawing) place(columns [][]int) {
	gaps := make([]float64, len(columns))
	column := map[int]int{}
	for c, types := range columns {
		for _, t := range types {
			column[t] = c
		}
	}
	for _, a := range d.arrows {
		for _, label := range a.labels {
			gaps[column[a.from]] = max(gaps[column[a.from]], letter*float64(utf8.RuneCountInString(label))+40)
		}
	}
	left := float64(margin)
	for c, types := range columns {
		widest := 0.0
		for row, t := range types {
			d.x[t], d.y[t] = left, margin+rowHigh*float64(row)
			widest = max(widest, d.boxWide[t])
			d.high = max(d.high, d.y[t]+rowHigh+margin)
		}
		left += widest + max(gaps[c], 40)
	}
	d.wide = left + margin
}

// ends are where an arrow begins and ends: to the left it goes out of and into boxes from below.
func (d *drawing) ends(a drawn) (x1, y1, x2, y2 float64, forward bool) {
	if forward = d.x[a.to] > d.x[a.from]; forward {
		return d.x[a.from] + d.boxWide[a.from], d.y[a.from] + boxHigh/2, d.x[a.to], d.y[a.to] + boxHigh/2, true
	}
	return d.x[a.from] + d.boxWide[a.from]*2/3, d.y[a.from] + boxHigh, d.x[a.to] + d.boxWide[a.to]/3, d.y[a.to] + boxHigh, false
}

func (d *drawing) path(text *strings.Builder, a drawn) {
	x1, y1, x2, y2, forward := d.ends(a)
	class := ""
	if a.cycle {
		class = "cycle"
	}
	if a.declared {
		class = strings.TrimSpace(class + " declared")
	}
	fmt.Fprintf(text, `<path class="%s" marker-end="url(#head)" d="M%.0f %.0f`, class, x1, y1)
	if bend := (x2 - x1) / 2; forward {
		fmt.Fprintf(text, "C%.0f %.0f %.0f %.0f %.0f %.0f\"/>\n", x1+bend, y1, x2-bend, y2, x2, y2)
	} else {
		below := max(y1, y2) + rowHigh/2
		fmt.Fprintf(text, "C%.0f %.0f %.0f %.0f %.0f %.0f\"/>\n", x1, below, x2, below, x2, y2)
	}
}

func (d *drawing) label(text *strings.Builder, a drawn) {
	x1, y1, x2, y2, forward := d.ends(a)
	y := (y1+y2)/2 - lineHigh*float64(len(a.labels)-1)/2 - 3
	if !forward {
		y = max(y1, y2) + rowHigh*3/8
	}
	for i, label := range a.labels {
		fmt.Fprintf(text, "<text class=\"label\" text-anchor=\"middle\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", (x1+x2)/2, y+lineHigh*float64(i), inXML(label))
	}
}

func (d *drawing) box(text *strings.Builder, i int, t Type) {
	class := ""
	if t.Exported {
		class = ` class="exported"`
	}
	fmt.Fprintf(text, "<rect%s rx=\"6\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%d\"/><text x=\"%.0f\" y=\"%.0f\">%s</text>\n",
		class, d.x[i], d.y[i], d.boxWide[i], boxHigh, d.x[i]+10, d.y[i]+boxHigh/2+4, inXML(t.title()))
}

// inXML writes what names and labels hold so that it is text, whatever it is.
func inXML(text string) string {
	var safe strings.Builder
	_ = xml.EscapeText(&safe, []byte(text)) // a Builder takes all
	return safe.String()
}
