package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
)

// Declared lists the edges that handlers declare, for the types that are declared anywhere and for
// others that are known.
func Declared(handlers []config.Handler, known []string) (edges []Edge) {
	types, patterns := map[string]bool{}, config.Patterns{}
	for _, subject := range known {
		types[subject] = true
	}
	for _, h := range handlers {
		patterns.Add(h.Pattern())
		if !config.IsPattern(h.Pattern()) {
			types[h.Pattern()] = true
		}
		for _, e := range h.Settings().Emits {
			types[e.Subject] = true
		}
	}
	for subject := range types {
		for i := range patterns.Overlapping(subject) {
			for _, e := range handlers[i].Settings().Emits {
				edges = append(edges, Edge{From: subject, To: e.Subject, Handler: handlers[i].Name(), Declared: true})
			}
		}
	}
	return edges
}

// maxCyclesTold bounds an error: a few name what is wrong.
const maxCyclesTold = 10

// CheckDeclared reports what is wrong with what handlers declare: FieldErrors of "handlers". Wrong
// are cycles that nothing allows. One type with an allowance makes a cycle an intended one, since
// it may be where the events stop; and a node whose configuration allows loops in all cascades may
// have any.
func CheckDeclared(handlers []config.Handler, cascades []config.Cascade) error {
	var errs []error
	add := func(problem, remedy string) {
		errs = append(errs, &config.FieldError{Field: "handlers", Problem: problem, Remedy: remedy})
	}
	for _, h := range handlers {
		for _, e := range h.Settings().Emits {
			if err := wire.CheckSubject(e.Subject); err != nil {
				add(fmt.Sprintf("handler %s declares that it emits %q: %v", h.Name(), e.Subject, err), "declare events made with NewEvent")
			}
		}
	}
	if len(errs) > 0 || slices.ContainsFunc(cascades, func(c config.Cascade) bool { return c.Root == "" && c.Loops > 0 }) {
		return errors.Join(errs...)
	}
	cycles := unintendedCycles(handlers)
	for _, cycle := range cycles[:min(len(cycles), maxCyclesTold)] {
		add("the events go round in a cycle that nothing allows: "+cycle,
			"let one of the handlers not emit its event; or, if the cycle is intended, say how often an event may come back: NewEvent(…, AllowLoop(n))")
	}
	return errors.Join(errs...)
}

// unintendedCycles describes the declared cycles that nothing allows, each as "a → b (handler x) →
// a (handler y)".
func unintendedCycles(handlers []config.Handler) (cycles []string) {
	allowed := map[string]bool{}
	for _, h := range handlers {
		for _, e := range h.Settings().Emits {
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
