package graph

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// drawing is where everything stands. Places are the types, and behind them those by which arrows
// pass columns.
type drawing struct {
	x, y, boxWide []float64 // of the types; y of all places
	column        []int     // of all places
	left, right   []float64 // of the columns
	arrows        []drawn
	wide, high    float64
}

// drawn is an arrow, for all edges from one type to another.
type drawn struct {
	link
	labels          []string
	declared, cycle bool
	through         []int   // the places by which it passes columns
	lane            int     // of those that lead back: their number
	bottom          float64 // and where they run to the left, below all boxes
}

func newDrawing(g Graph) *drawing {
	d := &drawing{}
	index := map[string]int{}
	for i, t := range g.Types {
		index[t.Type] = i
		d.boxWide = append(d.boxWide, wideOf(t.title())+20)
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
	d.place(layers(d.pass(columnsOf(len(g.Types), links))))
	return d
}

func wideOf(text string) float64 { return letter * float64(utf8.RuneCountInString(text)) }

// pass gives each arrow a place in each column that it passes, so that no box stands in its way. It
// returns how many places there are, and the links between neighbours.
func (d *drawing) pass(column []int) (places int, links []link) {
	places = len(column)
	for i := range d.arrows {
		a := &d.arrows[i]
		last := a.from
		for range column[a.to] - column[a.from] - 1 {
			a.through = append(a.through, places)
			links = append(links, link{last, places})
			last = places
			places++
		}
		links = append(links, link{last, a.to})
	}
	return places, links
}

// place sets the columns side by side, with room for the labels between them, and below them what
// leads back.
func (d *drawing) place(columns [][]int) {
	types := len(d.boxWide)
	d.left, d.right = make([]float64, len(columns)), make([]float64, len(columns))
	for c, places := range columns {
		for _, p := range places {
			for len(d.y) <= p {
				d.x, d.y, d.column = append(d.x, 0), append(d.y, 0), append(d.column, 0)
			}
			d.column[p] = c
		}
	}
	gaps := make([]float64, len(columns))
	for _, a := range d.arrows {
		if d.leadsBack(a) {
			continue
		}
		for _, label := range a.labels {
			gaps[d.column[a.from]] = max(gaps[d.column[a.from]], wideOf(label)+40)
		}
	}
	left := float64(margin)
	for c, places := range columns {
		widest, y := 0.0, float64(margin)
		for _, p := range places {
			d.x[p], d.y[p] = left, y
			if p >= types {
				y += passHigh
				continue
			}
			y += rowHigh
			widest = max(widest, d.boxWide[p])
		}
		d.high = max(d.high, y+margin)
		d.left[c], d.right[c] = left, left+widest
		left += widest + max(gaps[c], 40)
	}
	d.wide = left + margin
	lane := 0
	for i := range d.arrows {
		a := &d.arrows[i]
		if !d.leadsBack(*a) {
			continue
		}
		a.lane, a.bottom = lane, d.high+lineHigh*float64(len(a.labels)-1)
		lane++
		d.high = a.bottom + passHigh
		for _, label := range a.labels {
			d.wide = max(d.wide, wideOf(label)+2*margin)
		}
	}
}

// leadsBack reports whether an arrow leads to the left, or to its own column.
func (d *drawing) leadsBack(a drawn) bool {
	return a.to != a.from && d.column[a.to] <= d.column[a.from]
}

// middle is the height at which arrows reach a place.
func (d *drawing) middle(place int) float64 {
	if place < len(d.boxWide) {
		return d.y[place] + boxHigh/2
	}
	return d.y[place] + passHigh/2
}

// turns are where an arrow that leads back goes down and up again, between columns.
func (d *drawing) turns(a drawn) (right, left float64) {
	apart := float64(3 * (a.lane % 4)) // else arrows would lie on each other
	return d.right[d.column[a.from]] + 10 + apart, d.left[d.column[a.to]] - 10 - apart
}

// path draws an arrow. Boxes stand within their columns: there it runs on a row of its own, and
// changes rows in between.
func (d *drawing) path(text *strings.Builder, a drawn) {
	class := ""
	if a.cycle {
		class = "cycle"
	}
	if a.declared {
		class = strings.TrimSpace(class + " declared")
	}
	fmt.Fprintf(text, `<path class="%s" marker-end="url(#head)" d="`, class)
	x, y, end := d.x[a.from]+d.boxWide[a.from], d.middle(a.from), d.middle(a.to)
	switch {
	case a.from == a.to:
		below := d.y[a.to] + boxHigh
		fmt.Fprintf(text, "M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f", d.x[a.to]+d.boxWide[a.to]*2/3, below,
			d.x[a.to]+d.boxWide[a.to]*2/3, below+rowHigh/2, d.x[a.to]+d.boxWide[a.to]/3, below+rowHigh/2, d.x[a.to]+d.boxWide[a.to]/3, below)
	case d.leadsBack(a):
		right, left := d.turns(a)
		fmt.Fprintf(text, "M%.0f %.0fL%.0f %.0fL%.0f %.0fL%.0f %.0fL%.0f %.0fL%.0f %.0f", x, y, right, y, right, a.bottom, left, a.bottom, left, end, d.x[a.to], end)
	default:
		fmt.Fprintf(text, "M%.0f %.0f", x, y)
		last := a.from
		for _, next := range append(append([]int{}, a.through...), a.to) {
			x1, x2, y2 := d.right[d.column[last]], d.left[d.column[next]], d.middle(next)
			bend := (x2 - x1) / 2
			fmt.Fprintf(text, "L%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f", x1, y, x1+bend, y, x2-bend, y2, x2, y2)
			last, y = next, y2
		}
	}
	text.WriteString("\"/>\n")
}

// label writes what stands at an arrow: where it begins, below a box, or where it leads back.
func (d *drawing) label(text *strings.Builder, a drawn) {
	var x, y float64
	switch {
	case a.from == a.to:
		x, y = d.x[a.to]+d.boxWide[a.to]/2, d.y[a.to]+boxHigh+rowHigh*3/8
	case d.leadsBack(a):
		right, left := d.turns(a)
		x, y = (right+left)/2, a.bottom-3-lineHigh*float64(len(a.labels)-1)
		for _, label := range a.labels {
			x = max(x, margin+wideOf(label)/2)
		}
	default:
		next := append(append([]int{}, a.through...), a.to)[0]
		x = (d.right[d.column[a.from]] + d.left[d.column[next]]) / 2
		y = (d.middle(a.from)+d.middle(next))/2 - lineHigh*float64(len(a.labels)-1)/2 - 3
	}
	for i, label := range a.labels {
		fmt.Fprintf(text, "<text class=\"label\" text-anchor=\"middle\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", x, y+lineHigh*float64(i), inXML(label))
	}
}
