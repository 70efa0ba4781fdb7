package mesh

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/internal/graph"
	"leafmesh/mesh/internal/route"
	"leafmesh/mesh/internal/wire"
)

// EventType is a declared event type: an *Event of any T.
type EventType interface {
	// Subject is the type's name.
	Subject() string
}

// Emits declares which event types the handler may emit. With it [Open] finds
// a cycle among the node's handlers before the first event does: a cycle in
// which no type has an allowance ([AllowLoop]) is an error there, unless the
// configuration allows loops in all cascades. The node's [Graph] has what is
// declared from the start.
//
// A declaration is no rule of the gate. If the handler emits another type
// nevertheless, that works, is learned like any emit and is logged once: the
// cascade guard bounds what comes of it, and a line forgotten here should not
// lose events.
func Emits(events ...EventType) HandlerOption {
	return func(o *handlerOptions) { o.emits = append(o.emits, events...) }
}

// allowance is how often the type may recur in its own path.
func (e *Event[T]) allowance() int { return e.loops }

func allowanceOf(e EventType) int {
	if own, ok := e.(interface{ allowance() int }); ok {
		return own.allowance()
	}
	return 0
}

// maxCyclesTold bounds an error: a few name what is wrong.
const maxCyclesTold = 10

// checkDeclared reports the declared cycles that nothing allows. One type with an
// allowance makes a cycle an intended one: it may be where the events stop.
func checkDeclared(c Config) error {
	var errs []error
	add := func(problem, remedy string) {
		errs = append(errs, &FieldError{Field: "handlers", Problem: problem, Remedy: remedy})
	}
	for _, h := range c.Handlers {
		for _, e := range h.options.emits {
			if err := wire.CheckSubject(e.Subject()); err != nil {
				add(fmt.Sprintf("handler %s declares that it emits %q: %v", h.name, e.Subject(), err), "declare events made with NewEvent")
			}
		}
	}
	if len(errs) > 0 || slices.ContainsFunc(c.Cascades, func(c Cascade) bool { return c.Root == "" && c.Loops > 0 }) {
		return errors.Join(errs...)
	}
	var edges []graph.Edge
	allowed := allowedLoops(c.Handlers)
	for _, e := range declaredEdges(c.Handlers, nil) {
		if !allowed[e.from] && !allowed[e.to] { // a cycle with such a type is allowed
			edges = append(edges, graph.Edge{From: e.from, To: e.to})
		}
	}
	cycles, _ := graph.Cycles(edges)
	for _, cycle := range cycles[:min(len(cycles), maxCyclesTold)] {
		add(fmt.Sprintf("the events go round in a cycle that nothing allows: %s", describeCycle(cycle.Types, c.Handlers)),
			"let one of the handlers not emit its event; or, if the cycle is intended, say how often an event may come back: NewEvent(…, AllowLoop(n))")
	}
	return errors.Join(errs...)
}

// allowedLoops are the declared types that have an allowance.
func allowedLoops(handlers []Handler) map[string]bool {
	allowed := map[string]bool{}
	for _, h := range handlers {
		for _, e := range h.options.emits {
			allowed[e.Subject()] = allowed[e.Subject()] || allowanceOf(e) > 0
		}
	}
	return allowed
}

// declaredEdge says that a handler of one type may emit another.
type declaredEdge struct{ from, to, handler string }

// declaredEdges lists what handlers declare, for the types that are declared
// anywhere and for others that are known.
func declaredEdges(handlers []Handler, known []string) (edges []declaredEdge) {
	types := map[string]bool{}
	for _, subject := range known {
		types[subject] = true
	}
	for _, h := range handlers {
		if !strings.ContainsAny(h.pattern, "*>") {
			types[h.pattern] = true
		}
		for _, e := range h.options.emits {
			types[e.Subject()] = true
		}
	}
	for _, h := range handlers {
		for subject := range types {
			if len(h.options.emits) == 0 || !route.Match(h.pattern, subject) {
				continue
			}
			for _, e := range h.options.emits {
				edges = append(edges, declaredEdge{subject, e.Subject(), h.name})
			}
		}
	}
	return edges
}

// describeCycle writes "a → b (handler x) → a (handler y)": each type with the
// handlers that emit it.
func describeCycle(types []string, handlers []Handler) string {
	text := types[0]
	for i, from := range types {
		to := types[(i+1)%len(types)]
		var names []string
		for _, e := range declaredEdges(handlers, nil) {
			if e.from == from && e.to == to && !slices.Contains(names, e.handler) {
				names = append(names, e.handler)
			}
		}
		slices.Sort(names)
		text += fmt.Sprintf(" → %s (handler %s)", to, strings.Join(names, ", "))
	}
	return text
}

// warnUndeclared logs an edge that its handler's declaration does not have, when
// it is learned.
func (n *Node) warnUndeclared(from *tally, to *eventType) {
	for _, h := range n.config.Handlers {
		emits := h.options.emits
		if "handler "+h.name != from.place || len(emits) == 0 || to.subject == DeadLetters.subject {
			continue
		}
		if !slices.ContainsFunc(emits, func(e EventType) bool { return e.Subject() == to.subject }) {
			n.log.Warn("handler emits what it does not declare", "node", n.name, "handler", h.name, "type", to.subject)
		}
	}
}

// checkEvents reports exports and limits of types that the program does not
// declare: mistyped, they would do nothing. An import may be of such a type; a
// handler for all events takes it.
func checkEvents(c Config) error {
	known := func(subject string) bool {
		_, declared := declaredSubjects.Load(subject)
		return declared || strings.ContainsAny(subject, "*>") || c.imports(subject)
	}
	var errs []error
	unknown := func(field, subject string) {
		errs = append(errs, &FieldError{Field: field, Problem: fmt.Sprintf("this program declares no event type %q", subject),
			Remedy: "correct the name, or declare the type with mesh.NewEvent"})
	}
	for i, e := range c.Exports {
		if !known(e.Event) {
			unknown(fmt.Sprintf("exports[%d].event", i), e.Event)
		}
	}
	for i, l := range c.Limits {
		if !known(l.Event) {
			unknown(fmt.Sprintf("limits[%d].event", i), l.Event)
		}
	}
	return errors.Join(append(errs, checkRuleHandlers(c.Limits, c.Handlers))...)
}

// checkRuleHandlers reports rules for handlers that the node does not have, or that
// take none of the events: they would limit nothing.
func checkRuleHandlers(rules []Rule, handlers []Handler) error {
	var errs []error
	for i, r := range rules {
		if r.Handler == "" {
			continue
		}
		switch at := slices.IndexFunc(handlers, func(h Handler) bool { return h.name == r.Handler }); {
		case at < 0:
			errs = append(errs, &FieldError{Field: fmt.Sprintf("limits[%d].handler", i), Problem: fmt.Sprintf("no handler is named %q", r.Handler),
				Remedy: "correct the name, or leave it out for each handler of the events"})
		case !route.Overlap(handlers[at].pattern, r.Event):
			errs = append(errs, &FieldError{Field: fmt.Sprintf("limits[%d].event", i),
				Problem: fmt.Sprintf("handler %s takes %s and never %s", r.Handler, handlers[at].pattern, r.Event), Remedy: "name an event that the handler takes"})
		}
	}
	return errors.Join(errs...)
}
