package config

import (
	"errors"
	"fmt"
	"slices"
)

// Handler is what a configuration knows of a handler. Package mesh makes handlers,
// with Event.Handle and HandleAll, and opens no node with others.
type Handler interface {
	// Name identifies the handler on its node.
	Name() string
	// Pattern is the subject of the events that it takes, or a pattern: "clue.>".
	Pattern() string
}

// CheckRuleHandlers reports rules for handlers that the node does not have, or that
// take none of the events: they would limit nothing.
func CheckRuleHandlers(rules []Rule, handlers []Handler) error {
	var errs []error
	for i, r := range rules {
		if r.Handler == "" {
			continue
		}
		switch at := slices.IndexFunc(handlers, func(h Handler) bool { return h.Name() == r.Handler }); {
		case at < 0:
			errs = append(errs, &FieldError{Field: fmt.Sprintf("limits[%d].handler", i), Problem: fmt.Sprintf("no handler is named %q", r.Handler),
				Remedy: "correct the name, or leave it out for each handler of the events"})
		case !Overlap(handlers[at].Pattern(), r.Event):
			errs = append(errs, &FieldError{Field: fmt.Sprintf("limits[%d].event", i),
				Problem: fmt.Sprintf("handler %s takes %s and never %s", r.Handler, handlers[at].Pattern(), r.Event), Remedy: "name an event that the handler takes"})
		}
	}
	return errors.Join(errs...)
}
