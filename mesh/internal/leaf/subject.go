package leaf

// What begins the subjects of the links themselves, one token longer than ownPrefix.
const (
	ownPrefix  = "mesh."
	toPrefix   = ownPrefix + "to."
	fromPrefix = ownPrefix + "from."
)

// tapSubjects are what a tap may publish to: it emits and asks by request.
var tapSubjects = []string{ownPrefix + "emit.>", ownPrefix + "ops.>"}

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
