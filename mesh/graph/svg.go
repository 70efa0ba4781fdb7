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
	passHigh = 2 * lineHigh // of a row by which an arrow passes a column
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
<style>text{font:12px ui-monospace,monospace;fill:#222}.label{paint-order:stroke;stroke:#fff;stroke-width:4px}rect{fill:#eef3fb;stroke:#5b7db1}.exported{stroke-width:2.5}path{fill:none;stroke:#667;stroke-linejoin:round}.cycle{stroke:#c22}.declared{stroke-dasharray:5 4}</style>
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
