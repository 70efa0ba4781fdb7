package graph

import (
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
)

// Handler is what a handler declares.
type Handler struct {
	Name    string
	Pattern string // of the subjects that it takes
	Emits   []Emission
}

// Emission is an event type that a handler declares to emit, and how often that
// type may recur in its own path.
type Emission struct {
	Subject string
	Loops   int
}

// Declared lists the edges that handlers declare, for the types that are declared
// anywhere and for others that are known.
func Declared(handlers []Handler, known []string) (edges []Edge) {
	types := map[string]bool{}
	for _, subject := range known {
		types[subject] = true
	}
	for _, h := range handlers {
		if !config.IsPattern(h.Pattern) {
			types[h.Pattern] = true
		}
		for _, e := range h.Emits {
			types[e.Subject] = true
		}
	}
	for _, h := range handlers {
		for subject := range types {
			if len(h.Emits) == 0 || !config.Match(h.Pattern, subject) {
				continue
			}
			for _, e := range h.Emits {
				edges = append(edges, Edge{From: subject, To: e.Subject, Handler: h.Name, Declared: true})
			}
		}
	}
	return edges
}

// UnintendedCycles describes the declared cycles that nothing allows, each as
// "a → b (handler x) → a (handler y)". One type with an allowance makes a cycle an
// intended one: it may be where the events stop.
func UnintendedCycles(handlers []Handler) (cycles []string) {
	allowed := map[string]bool{}
	for _, h := range handlers {
		for _, e := range h.Emits {
			allowed[e.Subject] = allowed[e.Subject] || e.Loops > 0
		}
	}
	edges := Declared(handlers, nil)
	var arcs []arc
	for _, e := range edges {
		if !allowed[e.From] && !allowed[e.To] { // a cycle with such a type is allowed
			arcs = append(arcs, arc{From: e.From, To: e.To})
		}
	}
	found, _ := cyclesOf(arcs)
	for _, c := range found {
		cycles = append(cycles, describe(c.Types, edges))
	}
	return cycles
}

// describe writes each type of a cycle with the handlers that emit it.
func describe(types []string, edges []Edge) string {
	text := types[0]
	for i, from := range types {
		to := types[(i+1)%len(types)]
		var names []string
		for _, e := range edges {
			if e.From == from && e.To == to && !slices.Contains(names, e.Handler) {
				names = append(names, e.Handler)
			}
		}
		slices.Sort(names)
		text += fmt.Sprintf(" → %s (handler %s)", to, strings.Join(names, ", "))
	}
	return text
}
