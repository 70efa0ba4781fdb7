package config

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"leafmesh/mesh/internal/wire"
)

// Handler is what a configuration knows of a handler. Package mesh makes handlers, with
// Event.Handle and HandleAll, and opens no node with others.
type Handler interface {
	// Name identifies the handler on its node.
	Name() string
	// Pattern is the subject of the events that it takes, or a pattern: "clue.>".
	Pattern() string
	// Settings are how it is run.
	Settings() HandlerSettings
}

// HandlerSettings are how a handler is run. The options of mesh.Event.Handle set them and explain
// them.
type HandlerSettings struct {
	Workers      int           // goroutines that run it
	Queue        int           // events that may wait for each of them
	ShedWhenFull bool          // drop a root or imported event when the queue is full, instead of waiting
	Tries        int           // how often an event is tried in all
	FirstPause   time.Duration // the pause after the first try, doubled after each
	LongestPause time.Duration // the longest pause
	Failures     int           // in a row until the breaker trips; 0: no breaker
	Probe        time.Duration // how long the breaker leaves the handler alone
	Timeout      time.Duration // after it the context of a call ends; 0: never
	Emits        []Emission    // declared; none: nothing is
}

// Emission is an event type that a handler declares to emit, and how often that type may recur in
// its own path.
type Emission struct {
	Subject string
	Loops   int
}

const (
	// MaxHandlerBytes bounds the name of a handler.
	MaxHandlerBytes = 256
	// MaxTakers is how many handlers may take one event type on a node.
	MaxTakers  = 62
	maxWorkers = 1024
	maxQueue   = 1 << 20
	// maxTries is for a handler that waits for something that will come back, such as a database:
	// with the default pauses, more than two hours. More than that is for a durable import, which
	// gives the worker free meanwhile.
	maxTries = 10_000
)

// DefaultHandlerSettings are those of a handler without options.
func DefaultHandlerSettings() HandlerSettings {
	return HandlerSettings{Workers: 1, Queue: 1024, Tries: 3, FirstPause: 10 * time.Millisecond, LongestPause: time.Second}
}

// CheckProgram reports what the configuration wants and the program cannot do: handlers that could
// not run as they say, or that declare to emit types of another service; exports and limits of
// types that it does not declare; and durable imports that no handler takes. All are FieldErrors.
// Mistyped, an export or a limit would do nothing. An import may be of a type that is not declared:
// a handler for all events takes it.
func (n Node) CheckProgram(declared func(subject string) bool) error {
	if err := checkHandlers(n.Handlers); err != nil {
		return err
	}
	errs := []error{n.checkEmits()}
	for i, e := range n.Exports {
		errs = append(errs, n.checkDeclared(fmt.Sprintf("exports[%d].event", i), e.Event, declared))
	}
	errs = append(errs, n.checkRulesOfProgram(declared))
	for i, m := range n.Imports {
		if m.Durable && !slices.ContainsFunc(n.Handlers, func(h Handler) bool { return Match(h.Pattern(), m.Event) }) {
			errs = append(errs, &FieldError{Field: fmt.Sprintf("imports[%d].durable", i), Problem: fmt.Sprintf("no handler takes %s", m.Event),
				Remedy: "declare a handler, which acknowledges the events, or remove durable"})
		}
	}
	return errors.Join(errs...)
}

// checkDeclared reports a subject of which the program can have no event.
func (n Node) checkDeclared(field, subject string, declared func(subject string) bool) error {
	if declared(subject) || IsPattern(subject) || n.HasImport(subject) {
		return nil
	}
	return &FieldError{Field: field, Problem: fmt.Sprintf("this program declares no event type %q", subject),
		Remedy: "correct the name, or declare the type with mesh.NewEvent"}
}

// checkEmits reports what handlers declare to emit and the node may not.
func (n Node) checkEmits() error {
	var errs []error
	for i, h := range n.Handlers {
		for _, e := range h.Settings().Emits {
			if of, own := OwnerOf(e.Subject), ServiceOf(n.Name); of != own {
				errs = append(errs, &FieldError{Field: fmt.Sprintf("handlers[%d]", i),
					Problem: fmt.Sprintf("handler %s declares that it emits %s, which belongs to service %s, and this node is of service %s", h.Name(), e.Subject, of, own),
					Remedy:  "emit a type of this service, which the other one may import"})
			}
		}
	}
	return errors.Join(errs...)
}

// Declares reports whether the settings have an emission of the type, or none at all.
func (s HandlerSettings) Declares(subject string) bool {
	return len(s.Emits) == 0 || slices.ContainsFunc(s.Emits, func(e Emission) bool { return e.Subject == subject })
}

// checkHandlers reports every handler that could not run as it says.
func checkHandlers(handlers []Handler) error {
	var errs []error
	names, patterns := map[string]bool{}, patternsOf(handlers)
	for i, h := range handlers {
		add := func(problem, remedy string) {
			errs = append(errs, &FieldError{Field: fmt.Sprintf("handlers[%d]", i), Problem: problem, Remedy: remedy})
		}
		if err := checkHandler(h); err != nil {
			add(err.Error(), "make handlers with Event.Handle or HandleAll")
			continue
		}
		if names[h.Name()] {
			add(fmt.Sprintf("a second handler is named %q", h.Name()), "give each handler a name of its own")
		}
		names[h.Name()] = true
		if n := patterns.rivals(h); n > MaxTakers {
			add(fmt.Sprintf("%d handlers take events of %s", n, h.Pattern()),
				fmt.Sprintf("let one handler do the work of several: at most %d can take one type", MaxTakers))
		}
	}
	return errors.Join(errs...)
}

// patternsOf are the patterns of handlers. Compared with each other, those of 10,000 took 2 s.
func patternsOf(handlers []Handler) *Patterns {
	p := &Patterns{}
	for _, h := range handlers {
		if h != nil {
			p.Add(h.Pattern())
		}
	}
	return p
}

// rivals counts the handlers that may take an event that h takes.
func (p *Patterns) rivals(h Handler) (n int) {
	for range p.Overlapping(h.Pattern()) {
		n++
	}
	return n
}

func checkHandler(h Handler) error {
	if h == nil {
		return errors.New("nil is no handler")
	}
	name, s := h.Name(), h.Settings()
	switch {
	case name == "":
		return fmt.Errorf("a handler of %s has no name", h.Pattern())
	case len(name) > MaxHandlerBytes || !utf8.ValidString(name):
		return fmt.Errorf("a handler's name has %d bytes; valid UTF-8 of at most %d is possible: %.80q", len(name), MaxHandlerBytes, name)
	case s.Workers < 1 || s.Workers > maxWorkers:
		return fmt.Errorf("handler %s has %d workers; 1 to %d are possible", name, s.Workers, maxWorkers)
	case s.Queue < 1 || s.Queue > maxQueue:
		return fmt.Errorf("handler %s has a queue of %d; 1 to %d are possible", name, s.Queue, maxQueue)
	case s.Tries < 1 || s.Tries > maxTries:
		return fmt.Errorf("handler %s has %d tries; 1 to %d are possible", name, s.Tries, maxTries)
	case s.FirstPause < 0 || s.LongestPause < s.FirstPause:
		return fmt.Errorf("handler %s has a first pause of %v and a longest of %v; none may be negative, nor the first longer than the longest", name, s.FirstPause, s.LongestPause)
	case s.Failures < 0 || s.Failures > 0 && s.Probe <= 0:
		return fmt.Errorf("handler %s has a breaker of %d failures and %v; a positive number of failures and a positive time are needed", name, s.Failures, s.Probe)
	case s.Timeout < 0:
		return fmt.Errorf("handler %s has a timeout of %v; a positive time is needed", name, s.Timeout)
	}
	return wire.CheckPattern(h.Pattern())
}
