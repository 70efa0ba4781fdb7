package graph

import (
	"maps"
	"math"
	"slices"
)

// arc says that events of one type lead to events of another. There may be several from one type to
// another, one for each handler: their factors add up.
type arc struct {
	From, To string
	Factor   float64
}

const (
	// maxCycles bounds an answer to what somebody could look at.
	maxCycles = 1000
	// maxSteps bounds the time: some milliseconds.
	maxSteps = 100_000
)

// cyclesOf returns the elementary cycles of a graph: the shortest first, those of one length in
// alphabetical order, each with its exact gain. It reports whether some are missing; if there is
// any cycle at all, at least one is given.
//
// A graph can have more cycles than can be counted, and to find the one of the highest gain is as
// hard as to find the longest path, so no answer is exact, complete and bounded: a budget of steps
// and of cycles bounds this one. Strongly connected components were rejected: they are cheap and
// complete, but they do not say which way the events go round, and their one number, the growth of
// the whole, names no edge to cut.
func cyclesOf(edges []arc) (cycles []Cycle, cut bool) { return cyclesWithin(maxSteps, edges) }

func cyclesWithin(steps int, edges []arc) (cycles []Cycle, cut bool) {
	s := newSearch(edges)
	s.left = steps
	for length := 1; length <= len(s.names) && !s.cut; length++ {
		for _, h := range s.homes {
			if h.girth <= length {
				s.walk(h, h.node, length)
			}
		}
	}
	return s.cycles, s.cut
}

// search looks for cycles by their length. Each is found once: from its first node, its home, along
// nodes that come after it.
type search struct {
	names   []string
	next    [][]int // by node, in order
	factors map[[2]int]float64
	homes   []home

	path   []int
	onPath []bool
	left   int // steps that may still be taken
	cycles []Cycle
	cut    bool
}

// home is a node that some cycle begins with.
type home struct {
	node int
	// distance is how many edges lie between a node and home at least. A node that leads there by
	// nodes after home alone has one, others do not.
	distance map[int]int
	girth    int // the length of its shortest cycle
}

func newSearch(edges []arc) *search {
	s := &search{factors: map[[2]int]float64{}}
	index := map[string]int{}
	for _, e := range edges {
		index[e.From], index[e.To] = 0, 0
	}
	s.names = slices.Sorted(maps.Keys(index))
	for i, name := range s.names {
		index[name] = i
	}
	s.next, s.onPath = make([][]int, len(s.names)), make([]bool, len(s.names))
	back := make([][]int, len(s.names))
	for _, e := range edges {
		pair := [2]int{index[e.From], index[e.To]}
		if _, known := s.factors[pair]; !known {
			s.next[pair[0]] = append(s.next[pair[0]], pair[1])
			back[pair[1]] = append(back[pair[1]], pair[0])
		}
		s.factors[pair] += e.Factor
	}
	for i := range s.names {
		slices.Sort(s.next[i])
		if h := (home{node: i, distance: distances(back, i)}); h.closes(s.next[i]) {
			s.homes = append(s.homes, h)
		}
	}
	return s
}

// closes reports whether one of the nodes that home leads to leads back, and measures the shortest
// such way.
func (h *home) closes(next []int) bool {
	for _, to := range next {
		if d, ok := h.distance[to]; ok && (h.girth == 0 || d+1 < h.girth) {
			h.girth = d + 1
		}
	}
	return h.girth > 0
}

// distances measures the ways to a node, breadth first. Nodes that nothing leads to are left out:
// they are in no cycle, and can be many.
func distances(back [][]int, to int) map[int]int {
	distance := map[int]int{to: 0}
	for queue := []int{to}; len(queue) > 0; queue = queue[1:] {
		for _, from := range back[queue[0]] {
			if _, seen := distance[from]; from > to && !seen && len(back[from]) > 0 {
				distance[from] = distance[queue[0]] + 1
				queue = append(queue, from)
			}
		}
	}
	return distance
}

// walk goes on from a node, for as many edges as are left, and home with the last one.
func (s *search) walk(h home, node, left int) {
	s.path, s.onPath[node] = append(s.path, node), true
	defer func() { s.path, s.onPath[node] = s.path[:len(s.path)-1], false }()
	for _, to := range s.next[node] {
		if s.left--; s.cut || s.left < 0 {
			s.cut = true
			return
		}
		distance, leadsHome := h.distance[to]
		switch {
		case left == 1 && to == h.node:
			s.found()
		case left > 1 && leadsHome && distance < left && !s.onPath[to]:
			s.walk(h, to, left-1)
		}
	}
}

// found keeps the path as a cycle.
func (s *search) found() {
	if len(s.cycles) == maxCycles {
		s.cut = true
		return
	}
	c := Cycle{Gain: 1}
	for i, node := range s.path {
		c.Types = append(c.Types, s.names[node])
		c.Gain = min(c.Gain*s.factors[[2]int{node, s.path[(i+1)%len(s.path)]}], math.MaxFloat64) // JSON has no infinity
	}
	s.cycles = append(s.cycles, c)
}
