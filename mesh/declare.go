package mesh

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
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

// declarations is what handlers declare.
func declarations(handlers []Handler) (all []graph.Handler) {
	for _, h := range handlers {
		d := graph.Handler{Name: h.Name(), Pattern: h.Pattern()}
		for _, e := range h.(*handler).options.emits {
			d.Emits = append(d.Emits, graph.Emission{Subject: e.Subject(), Loops: allowanceOf(e)})
		}
		all = append(all, d)
	}
	return all
}

// checkDeclared reports the declared cycles that nothing allows.
func checkDeclared(c Config) error {
	var errs []error
	add := func(problem, remedy string) {
		errs = append(errs, &config.FieldError{Field: "handlers", Problem: problem, Remedy: remedy})
	}
	declared := declarations(c.Handlers)
	for _, h := range declared {
		for _, e := range h.Emits {
			if err := wire.CheckSubject(e.Subject); err != nil {
				add(fmt.Sprintf("handler %s declares that it emits %q: %v", h.Name, e.Subject, err), "declare events made with NewEvent")
			}
		}
	}
	if len(errs) > 0 || slices.ContainsFunc(c.Cascades, func(c Cascade) bool { return c.Root == "" && c.Loops > 0 }) {
		return errors.Join(errs...)
	}
	cycles := graph.UnintendedCycles(declared)
	for _, cycle := range cycles[:min(len(cycles), maxCyclesTold)] {
		add("the events go round in a cycle that nothing allows: "+cycle,
			"let one of the handlers not emit its event; or, if the cycle is intended, say how often an event may come back: NewEvent(…, AllowLoop(n))")
	}
	return errors.Join(errs...)
}

// warnUndeclared logs an edge that its handler's declaration does not have, when
// it is learned.
func (n *Node) warnUndeclared(from *tally, to *eventType) {
	for _, h := range n.config.Handlers {
		emits := h.(*handler).options.emits
		if "handler "+h.Name() != from.place || len(emits) == 0 || to.subject == DeadLetters.subject {
			continue
		}
		if !slices.ContainsFunc(emits, func(e EventType) bool { return e.Subject() == to.subject }) {
			n.log.Warn("handler emits what it does not declare", "node", n.name, "handler", h.Name(), "type", to.subject)
		}
	}
}

// checkEvents reports exports and limits of types that the program does not
// declare: mistyped, they would do nothing. An import may be of such a type; a
// handler for all events takes it.
func checkEvents(c Config) error {
	known := func(subject string) bool {
		_, declared := declaredSubjects.Load(subject)
		return declared || strings.ContainsAny(subject, "*>") || c.HasImport(subject)
	}
	var errs []error
	unknown := func(field, subject string) {
		errs = append(errs, &config.FieldError{Field: field, Problem: fmt.Sprintf("this program declares no event type %q", subject),
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
	return errors.Join(append(errs, config.CheckRuleHandlers(c.Limits, c.Handlers))...)
}
