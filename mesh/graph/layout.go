package graph

import (
	"cmp"
	"slices"
)

// link leads from one place of a drawing to another, by number.
type link struct{ from, to int }

// layers puts places into columns, so that links go from left to right but for those that close a
// cycle. Within a column a place is near those that lead to it. It is Sugiyama's method without its
// costly parts: a mesh has tens of types, and who needs more has Mermaid's language and Graphviz.
func layers(places int, links []link) [][]int {
	column := columnsOf(places, links)
	var columns [][]int
	for place, c := range column {
		for len(columns) <= c {
			columns = append(columns, nil)
		}
		columns[c] = append(columns[c], place)
	}
	row := make([]float64, places)
	for _, places := range columns {
		near := map[int]float64{}
		for i, place := range places {
			sum, n := 0.0, 0
			for _, l := range links {
				if l.to == place && column[l.from] < column[place] {
					sum, n = sum+row[l.from], n+1
				}
			}
			if near[place] = float64(i); n > 0 {
				near[place] = sum / float64(n)
			}
		}
		slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(near[a], near[b]) })
		for i, place := range places {
			row[place] = float64(i)
		}
	}
	return columns
}

// columnsOf gives each place its column: one more than the last of those that lead to it, without
// links that lead back.
func columnsOf(places int, links []link) []int {
	next := make([][]int, places)
	for _, l := range links {
		next[l.from] = append(next[l.from], l.to)
	}
	column, order := make([]int, places), []int{}
	const fresh, open, done = 0, 1, 2
	state, back := make([]int, places), map[link]bool{}
	var visit func(place int)
	visit = func(place int) {
		state[place] = open
		for _, to := range next[place] {
			switch state[to] {
			case fresh:
				visit(to)
			case open:
				back[link{place, to}] = true
			}
		}
		state[place] = done
		order = append(order, place)
	}
	for place := range places {
		if state[place] == fresh {
			visit(place)
		}
	}
	for _, place := range slices.Backward(order) { // those that lead to others first
		for _, to := range next[place] {
			if !back[link{place, to}] {
				column[to] = max(column[to], column[place]+1)
			}
		}
	}
	return column
}
