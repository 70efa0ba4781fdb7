package picture

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is what is drawn. Both axes are logarithmic: their ranges and all values are above 0.
type Chart struct {
	Title, Subtitle string
	X, Y            Axis
	Series          []Series
	Marks           []Mark
}

// Axis is one of the two. What lies beyond its range is drawn at the edge.
type Axis struct {
	Label      string
	Least      float64
	Most       float64
	Ticks      []float64
	TickLabels []string // as many as Ticks
}

// Series is one line of the chart.
type Series struct {
	Name   string
	Class  string // the line's colour: "ours", "together" or "other"
	Dash   string // as in stroke-dasharray; "": none
	Points []Point
}

// Point is a value of a series.
type Point struct{ X, Y float64 }

// Mark is a horizontal line at a value that matters, with its name.
type Mark struct {
	Y    float64
	Name string
}

// The sizes of the drawing, in the SVG's own units.
const (
	width, height            = 860, 470
	left, right, top, bottom = 84, 236, 64, 58
	plotWidth, plotHeight    = width - left - right, height - top - bottom
	dot                      = 3
	lineHeight               = 16
)

// style has the colours for a light page, and those for a dark one. A picture in a README knows of
// the page nothing but that.
const style = `
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-size: 16px; font-weight: 600; }
    .quiet { fill: #57606a; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .mark { stroke: #9a6700; stroke-width: 1; stroke-dasharray: 6 4; }
    .ours { stroke: #0969da; fill: #0969da; }
    .together { stroke: #1a7f37; fill: #1a7f37; }
    .other { stroke: #cf222e; fill: #cf222e; }
    polyline { fill: none !important; stroke-width: 2; }
    text.ours, text.together, text.other { stroke: none; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .mark { stroke: #d29922; }
      .ours { stroke: #58a6ff; fill: #58a6ff; }
      .together { stroke: #56d364; fill: #56d364; }
      .other { stroke: #ff7b72; fill: #ff7b72; }
    }
`

// SVG draws the chart. The same chart is always the same text.
func (c Chart) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "  <title>%s</title>\n  <style>%s  </style>\n", html.EscapeString(c.Title), style)
	text(&b, left, 24, "title", "start", c.Title)
	text(&b, left, 44, "quiet", "start", c.Subtitle)
	c.drawAxes(&b)
	for _, m := range c.Marks {
		y := c.y(m.Y)
		segment(&b, "mark", left, y, left+plotWidth, y)
		text(&b, left+6, y-4, "quiet", "start", m.Name)
	}
	for _, s := range c.Series {
		c.drawSeries(&b, s)
	}
	c.drawNames(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func (c Chart) drawAxes(b *strings.Builder) {
	for i, value := range c.X.Ticks {
		x := c.x(value)
		segment(b, "grid", x, top, x, top+plotHeight)
		text(b, x, top+plotHeight+18, "quiet", "middle", c.X.TickLabels[i])
	}
	for i, value := range c.Y.Ticks {
		y := c.y(value)
		segment(b, "grid", left, y, left+plotWidth, y)
		text(b, left-8, y+4, "quiet", "end", c.Y.TickLabels[i])
	}
	text(b, left+plotWidth/2, height-16, "", "middle", c.X.Label)
	fmt.Fprintf(b, `  <text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", top+plotHeight/2, html.EscapeString(c.Y.Label))
}

func (c Chart) drawSeries(b *strings.Builder, s Series) {
	points := make([]string, len(s.Points))
	for i, p := range s.Points {
		points[i] = fmt.Sprintf("%.1f,%.1f", c.x(p.X), c.y(p.Y))
	}
	fmt.Fprintf(b, `  <polyline class="%s" stroke-dasharray="%s" points="%s"/>`+"\n", s.Class, s.Dash, strings.Join(points, " "))
	for _, p := range s.Points {
		fmt.Fprintf(b, `  <circle class="%s" cx="%.1f" cy="%.1f" r="%d"/>`+"\n", s.Class, c.x(p.X), c.y(p.Y), dot)
	}
}

// drawNames lists the series beside the plot.
func (c Chart) drawNames(b *strings.Builder) {
	x, y := left+plotWidth+18, float64(top+8)
	for _, s := range c.Series {
		fmt.Fprintf(b, `  <polyline class="%s" stroke-dasharray="%s" points="%d,%.1f %d,%.1f"/>`+"\n", s.Class, s.Dash, x, y-4, x+30, y-4)
		text(b, float64(x+38), y, s.Class, "start", s.Name)
		y += lineHeight * 1.5
	}
}

func (c Chart) x(value float64) float64 { return left + c.X.at(value)*plotWidth }

func (c Chart) y(value float64) float64 { return top + (1-c.Y.at(value))*plotHeight }

// at is where a value lies on the axis, from 0 to 1.
func (a Axis) at(value float64) float64 {
	value = min(max(value, a.Least), a.Most)
	return math.Log(value/a.Least) / math.Log(a.Most/a.Least)
}

func segment(b *strings.Builder, class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, `  <line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func text(b *strings.Builder, x, y float64, class, anchor, words string) {
	fmt.Fprintf(b, `  <text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(words))
}
