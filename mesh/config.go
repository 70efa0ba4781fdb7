package mesh

import (
	"log/slog"
)

// Config says everything about a node: who it is, whom it links to, what may
// leave it and enter it, and what it handles. It has one YAML form (see
// [LoadYAML]); the fields marked code only have none. [Open] validates it, so
// that a bad configuration fails at start and not later.
type Config struct {
	// Name is the node's name, service-instance: "clue-1". It must be unique in
	// the mesh and stable over restarts: peers know the node by it, and two
	// processes with one name cut each other's links. Letters a-z, digits and
	// dashes; the part after the last dash is the instance, a number.
	Name string `yaml:"name,omitempty"`

	// Listen is the host:port of the leaf port, where peers that import from
	// this node dial in. Empty: no port is opened and nobody can import from
	// this node. Port 0 takes any free port. Only peers with a key get in. The
	// host must be given: "0.0.0.0:7401" listens on every interface, ":7401" is
	// an error because it does so without saying it.
	Listen string `yaml:"listen,omitempty"`

	// Seed is the node's nkey user seed ("SU…"): it proves to exporters who
	// dials. Needed when there are imports.
	Seed Secret `yaml:"seed,omitempty"`

	// Peers are the other nodes that this one knows.
	Peers []Peer `yaml:"peers,omitempty"`

	// Limits are rules that bound how fast events pass this node's gate.
	Limits []Rule `yaml:"limits,omitempty"`

	// Cascades bound what may follow from one root event, by the root's type. An
	// entry without a root is for all types that have none of their own.
	Cascades []Cascade `yaml:"cascades,omitempty"`

	// Alarms say when the graph of events is alarming. See [GraphAlarms].
	Alarms Alarms `yaml:"alarms,omitempty"`

	// Exports are the event types that may leave this node. No other does.
	Exports []Export `yaml:"exports,omitempty"`

	// Imports are the event types that may enter this node. No other does.
	Imports []Import `yaml:"imports,omitempty"`

	// Data is the directory of what the node keeps on disk: its outbox, dead
	// letters of durable imports, and what it knows of its peers' outboxes. One
	// process at a time may use it. Needed when an export or an import is durable;
	// else nothing is written.
	Data Path `yaml:"data,omitempty"`

	// Outbox bounds what durable exports keep on disk.
	Outbox Outbox `yaml:"outbox,omitempty"`

	// Tap opens a loopback port for stock NATS clients. Nil: none.
	Tap *Tap `yaml:"tap,omitempty"`

	// MaxPayload is the largest encoded event that crosses a link, in bytes,
	// envelope included. Default 65536; from 1024 to 1048576. A larger event is
	// handled on this node; its export is counted as lost under "payload-size".
	MaxPayload int `yaml:"max_payload,omitempty"`

	// Handlers run on this node. Code only.
	Handlers []Handler `yaml:"-"`

	// Logger gets what an operator must know: links that fail, malformed
	// messages, handlers that give up. Never one line for each event. Nil
	// discards. Code only.
	Logger *slog.Logger `yaml:"-"`

	// CodecCheck sends every local event through the codec, so that a type that
	// does not survive the wire, or a handler that changes what it was given,
	// fails in a test. It costs two encodings an event. Code only.
	CodecCheck bool `yaml:"-"`

	// oneProcess marks what OpenAll made: ports and links follow after the start.
	oneProcess bool
}

// Peer is another node: one that this node imports from (URL), one that
// imports from this node (Key or KeyFile), or both.
type Peer struct {
	// Name is the peer's node name, "hunt-1".
	Name string `yaml:"name,omitempty"`
	// URL is the peer's leaf port, "nats-leaf://127.0.0.1:7402". This node dials
	// it if it imports an event of the peer's service. No user or password.
	URL string `yaml:"url,omitempty"`
	// Key is the peer's public nkey ("U…"). With it the peer may link to this
	// node and read its exports.
	Key string `yaml:"key,omitempty"`
	// KeyFile names a file that holds Key; relative to the YAML file.
	KeyFile string `yaml:"key_file,omitempty"`
}

// Export declares that a type of this node's own service may leave it.
type Export struct {
	// Event is the type's subject; no wildcards, so that what leaves a node can
	// be read from its configuration.
	Event string `yaml:"event,omitempty"`
	Limit Limit  `yaml:"limit,omitempty"`
	// Durable makes the export durable and names the services that it is kept for:
	// an event stays in this node's outbox until each of them has handled it, also
	// one that starts a day late. They must import it as durable. Emit then returns
	// only when the event is stored. Empty: at most once, nothing is stored.
	Durable []string `yaml:"durable,omitempty"`
}

// durable reports whether the export is.
func (e *Export) durable() bool { return e != nil && len(e.Durable) > 0 }

// Import declares that a type of another service may enter this node.
type Import struct {
	// Event is the type's subject; no wildcards, so that what enters a node can
	// be read from its configuration. A peer of the type's service must have a
	// URL.
	Event string `yaml:"event,omitempty"`
	// Delivery says which instances of this service get an event. Empty is
	// Shared.
	Delivery Delivery `yaml:"delivery,omitempty"`
	Limit    Limit    `yaml:"limit,omitempty"`
	// Durable takes the events out of the outboxes of the exporting nodes, each at
	// least once, whatever dies when. The export must be durable and name this
	// service. The service's instances share the events.
	Durable bool `yaml:"durable,omitempty"`
	// Ordered keeps the events of a node in the order they were stored, through
	// retries and crashes, and so those of each key: one is delivered at a time, to
	// one instance. It costs a round trip for each event, where others are handled
	// side by side: see docs/durable.md for the figures. For durable imports.
	Ordered bool `yaml:"ordered,omitempty"`
	// Redelivery says how often an event of a durable import is delivered.
	Redelivery Redelivery `yaml:"redelivery,omitempty"`
}

// Tap is a port on the loopback interface for stock NATS clients. A client
// there reads this node's events, emits by request ("mesh.emit.>") and asks about
// the node ("mesh.ops.>", see docs/running.md); no message of it crosses a link.
type Tap struct {
	// Listen is a loopback host:port; port 0 takes any free port.
	Listen   string `yaml:"listen,omitempty"`
	User     string `yaml:"user,omitempty"`
	Password Secret `yaml:"password,omitempty"`
}
