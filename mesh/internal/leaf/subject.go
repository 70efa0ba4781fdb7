package leaf

import "strings"

// What begins the subjects of the links themselves, one token longer than ownPrefix.
const (
	ownPrefix  = "mesh."
	toPrefix   = ownPrefix + "to."
	fromPrefix = ownPrefix + "from."
)

// tapSubjects are what a tap may publish to: it emits and asks by request, and looks for services
// as stock clients do. No client hears them: they say what the others ask, and where each hears its
// answers.
var tapSubjects = append([]string{ownPrefix + "emit.>"}, answeredSubjects...)

// answeredSubjects are what the node answers questions on, as a service that stock clients know.
var answeredSubjects = []string{ownPrefix + "ops.>", "$SRV.>"}

// inboxPrefix begins the subjects on which stock clients hear answers.
const inboxPrefix = "_INBOX."

// IsInbox reports whether a request's reply subject is an inbox: all others may be those of events.
func IsInbox(subject string) bool { return strings.HasPrefix(subject, inboxPrefix) }

// ToReader is what an exporter says to a reader on.
func ToReader(reader, exporter string) string { return toPrefix + reader + "." + exporter }

// EventsTo is what an exporter sends a reader events of a type on, which are exported at
// most once: <to> followed by the type's subject. The key is in the message and not in the
// subject, as one message has events of several keys.
func EventsTo(reader, exporter, eventSubject string) string {
	return ToReader(reader, exporter) + "." + eventSubject
}

// FromReader is what a reader says to an exporter on: all that it may publish.
func FromReader(reader, exporter string) string { return fromPrefix + reader + "." + exporter }
