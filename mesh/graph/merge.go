package graph

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Merge returns the graph of several nodes: what each has seen, added up. Events are counted where
// they are handled, so none is counted twice. Give each node's graph once. The result is in a fixed
// order, and its factors and cycles follow from its counts.
//
// Instances of a service count as one: a factor is that of an event handled on one of them. Under
// an import with config.Each every instance handles each event, so an event leads to that many
// times as many on the whole mesh.
func Merge(graphs ...Graph) Graph {
	s := sum{types: map[string]Type{}, edges: map[key]Edge{}}
	for _, g := range graphs {
		s.nodes = append(s.nodes, g.Nodes...)
		s.other += g.Other
		for _, t := range g.Types {
			s.addType(t)
		}
		for _, e := range g.Edges {
			s.addEdge(e)
		}
	}
	return s.graph()
}

// key tells the edges of a graph apart.
type key struct{ from, to, service, handler string }

func (e *Edge) key() key { return key{e.From, e.To, e.Service, e.Handler} }

// sum is what was added up so far.
type sum struct {
	nodes []string
	types map[string]Type
	edges map[key]Edge
	other uint64
}

// addType adds a type, or what is new about it.
func (s *sum) addType(t Type) {
	known := s.types[t.Type]
	s.types[t.Type] = Type{t.Type, known.Exported || t.Exported, known.Imported || t.Imported}
}

// addEdge adds an edge and its types, or its counts to what there is.
func (s *sum) addEdge(e Edge) {
	s.addType(Type{Type: e.From})
	s.addType(Type{Type: e.To})
	known := s.edges[e.key()]
	e.Count, e.Refused, e.Handled = known.Count+e.Count, known.Refused+e.Refused, known.Handled+e.Handled
	e.Rate, e.Declared = known.Rate+e.Rate, known.Declared || e.Declared
	s.edges[e.key()] = e
}

// graph puts everything in order and finds the cycles.
func (s *sum) graph() Graph {
	slices.Sort(s.nodes)
	// Empty lists are lists in JSON too.
	g := Graph{Nodes: append([]string{}, slices.Compact(s.nodes)...), Types: []Type{}, Edges: []Edge{}, Cycles: []Cycle{}, Other: s.other}
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		g.Types = append(g.Types, s.types[name])
	}
	for _, e := range s.edges {
		e.Factor = 0
		if e.Handled > 0 {
			e.Factor = float64(e.Count+e.Refused) / float64(e.Handled)
		}
		g.Edges = append(g.Edges, e)
	}
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To),
			strings.Compare(a.Service, b.Service), strings.Compare(a.Handler, b.Handler))
	})
	arcs := make([]arc, len(g.Edges))
	for i, e := range g.Edges {
		arcs[i] = arc{From: e.From, To: e.To, Factor: e.Factor}
	}
	cycles, cut := cyclesOf(arcs)
	g.Cycles, g.CyclesCut = append(g.Cycles, cycles...), cut
	return g
}
