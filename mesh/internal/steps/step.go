package steps

import "leafmesh/mesh/stats"

// Kind says what a place is.
type Kind string

// The kinds of places. Rules know the first four; see config.Place.
const (
	Node    Kind = "" // the node as a whole
	Emit    Kind = "emit"
	Export  Kind = "export"
	Import  Kind = "import"
	Handler Kind = "handler"
	Outbox  Kind = "outbox"
	Tap     Kind = "tap"
)

// Place is where on a node something becomes of an event.
type Place struct {
	Kind    Kind
	Handler string // its name, if the place is a handler
	Service string // for which events are kept, if the place is what waits for it
}

// At is a place that is no handler.
func At(kind Kind) Place { return Place{Kind: kind} }

// AtHandler is the place of a handler.
func AtHandler(name string) Place { return Place{Kind: Handler, Handler: name} }

// AtOutboxOf is the place of what an outbox keeps for a service.
func AtOutboxOf(service string) Place { return Place{Kind: Outbox, Service: service} }

// String is the place as counters and errors have it: "emit", "handler count",
// "outbox score".
func (p Place) String() string {
	if p.Service != "" {
		return string(p.Kind) + " " + p.Service
	}
	if p.Kind == Handler {
		return "handler " + p.Handler
	}
	return string(p.Kind)
}

// Step is what can become of an event: an outcome, for events of one type, at one place, by one
// rule.
type Step struct {
	Type    string // the event's subject
	Outcome stats.Outcome
	Place   Place
	Rule    string // empty for outcomes that no rule decides
}

// Refuse makes the error of an event that a rule refuses, with its cause or nil.
func Refuse(subject string, place Place, rule string, cause error) error {
	return stats.RefusedError{Type: subject, Place: place.String(), Rule: rule, Cause: cause}
}
