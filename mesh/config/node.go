package config

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Node says everything about a node: who it is, whom it links to, what may leave it and enter it,
// and what it handles. It has one YAML form (see [LoadYAML]); the fields marked code only have
// none. mesh.Open validates it, so that a bad configuration fails at start and not later.
type Node struct {
	// Name is the node's name, service-instance: "clue-1". It must be unique in the mesh and stable
	// over restarts: peers know the node by it, and two processes with one name cut each other's
	// links. Letters a-z, digits and dashes; the part after the last dash is the instance, a
	// number.
	Name string `yaml:"name,omitempty" reload:"restart"`

	// Listen is the host:port of the leaf port, where peers that import from this node dial in.
	// Empty: no port is opened and nobody can import from this node. Port 0 takes any free port.
	// Only peers that may import get in. The host must be given: "0.0.0.0:7401" listens on every
	// interface, ":7401" is an error because it does so without saying it.
	Listen string `yaml:"listen,omitempty" reload:"restart" remedy:"give host:port, as in 127.0.0.1:7401, or 0.0.0.0:7401 for every interface"`

	// Seed is the node's nkey user seed ("SU…"): it proves who the node is, to those it dials and
	// to those that dial it. Needed when there are imports or a port, but for plain links and an
	// organisation's certificates.
	Seed Secret `yaml:"seed,omitempty" reload:"live"`

	// Peers are the other nodes that this one knows.
	Peers []Peer `yaml:"peers,omitempty" reload:"live"`

	// Links says how links are protected. Left out: by mutual TLS.
	Links Links `yaml:"links,omitempty" reload:"parts"`

	// Hub is where the node meets peers that have no direct link with it. Nil: nowhere.
	Hub *Hub `yaml:"hub,omitempty" reload:"restart"`

	// Limits are rules that bound how fast events pass this node's gate.
	Limits []Rule `yaml:"limits,omitempty" reload:"live"`

	// Cascades bound what may follow from one root event, by the root's type. An entry without a
	// root is for all types that have none of their own.
	Cascades []Cascade `yaml:"cascades,omitempty" reload:"live"`

	// Alarms say when the graph of events is alarming. See mesh.GraphAlarms.
	Alarms Alarms `yaml:"alarms,omitempty" reload:"parts"`

	// Exports are the event types that may leave this node. No other does.
	Exports []Export `yaml:"exports,omitempty" reload:"live"`

	// Imports are the event types that may enter this node. No other does.
	Imports []Import `yaml:"imports,omitempty" reload:"live"`

	// Data is the directory of what the node keeps on disk: its outbox, dead letters of durable
	// imports, and what it knows of its peers' outboxes. One process at a time may use it. Needed
	// when an export or an import is durable, or all dead letters are kept; else nothing is
	// written.
	Data Path `yaml:"data,omitempty" reload:"restart" contents:"none"`

	// Letters says which events that handlers give up are kept as dead letters, in Data: those of
	// durable imports, or all. Left out: DurableLetters.
	Letters KeptLetters `yaml:"letters,omitempty" reload:"restart"`

	// Outbox bounds what durable exports keep on disk.
	Outbox Outbox `yaml:"outbox,omitempty" reload:"parts"`

	// Tap opens a loopback port for stock NATS clients. Nil: none.
	Tap *Tap `yaml:"tap,omitempty" reload:"restart"`

	// Operators may ask this node over the mesh. Empty: nobody may, and the tap's password opens
	// this node alone.
	Operators []Operator `yaml:"operators,omitempty" reload:"live"`

	// MaxPayload is the largest encoded event that crosses a link, envelope included. Default
	// 64KiB; from 1KiB to 1MiB. Emit refuses a larger event of an exported type, and nobody gets
	// it.
	MaxPayload Size `yaml:"max_payload,omitempty" reload:"restart"`

	// Recorder is how many bytes of memory the flight recorder may take: what lately became of
	// events, headers only, to be asked with mesh.Node.Why. Nil is 32MiB, which holds some 200,000
	// records: an event has two at least. 0 is no recorder; from 1MiB to 4GiB.
	Recorder *Size `yaml:"recorder,omitempty" reload:"restart"`

	// Handlers run on this node. Code only.
	Handlers []Handler `yaml:"-"`

	// State is the database in which handlers keep what they make true. The node compares it with
	// Data when it opens, and refuses one that was put back from an older copy: what was handled
	// since then does not come again. It marks both each minute, and when it opens and closes, so
	// the database is closed after the node. Nil: nobody notices. Code only.
	State State `yaml:"-"`

	// Logger gets what an operator must know: links that fail, malformed messages, handlers that
	// give up. Never one line for each event. Nil discards. Code only.
	Logger *slog.Logger `yaml:"-"`

	// CodecCheck sends every local event through the codec, so that a type that does not survive
	// the wire, or a handler that changes what it was given, fails in a test. It costs two
	// encodings an event. Code only.
	CodecCheck bool `yaml:"-"`

	// WallClock reads the wall clock, in place of time.Now: for tests with one that is wrong, or
	// that is set while the node runs. Code only.
	WallClock func() time.Time `yaml:"-"`

	// OneProcess says that all peers run in this process. Their ports are not known before they
	// have started, so a peer's URL may be [LaterURL] and no peer is dialed before mesh.Node.Dial;
	// and an export that no node of the process imports is no mistake. Package inproc sets it. Code
	// only.
	OneProcess bool `yaml:"-"`
}

// LaterURL stands for the URL of a peer that is known only once the peer has started: see
// Node.OneProcess.
const LaterURL = "nats-leaf://127.0.0.1:0"

// WithDefaults fills in what is left out. The caller's slices stay as they are.
func (n Node) WithDefaults() Node {
	if n.MaxPayload == 0 {
		n.MaxPayload = defaultMaxPayload
	}
	if n.Recorder == nil {
		n.Recorder = new(defaultRecorder)
	}
	if len(n.DurableExports()) > 0 {
		n.Outbox = n.Outbox.WithDefaults()
	}
	n.Limits, n.Exports, n.Imports = slices.Clone(n.Limits), slices.Clone(n.Exports), slices.Clone(n.Imports)
	n.Peers = slices.Clone(n.Peers)
	for i := range n.Limits {
		n.Limits[i] = n.Limits[i].WithDefaults()
	}
	for i := range n.Exports {
		n.Exports[i].Limit = n.Exports[i].Limit.WithDefaults()
	}
	for i := range n.Imports {
		n.Imports[i] = n.Imports[i].withDefaults()
	}
	return n
}

// Export returns the export of a subject, or nil if the node does not export it.
func (n Node) Export(subject string) *Export {
	for i := range n.Exports {
		if n.Exports[i].Event == subject {
			return &n.Exports[i]
		}
	}
	return nil
}

// HasImport reports whether the node imports the subject.
func (n Node) HasImport(subject string) bool {
	return slices.ContainsFunc(n.Imports, func(i Import) bool { return i.Event == subject })
}

// DurableExports lists the exports that the outbox has something of: those that are durable, and
// those that were, whose rest may be lost.
func (n Node) DurableExports() (exports []Export) {
	for _, e := range n.Exports {
		if e.IsDurable() || len(e.Drop) > 0 {
			exports = append(exports, e)
		}
	}
	return exports
}

// IsDurable reports whether the node keeps anything on disk: whether an export or an import of it
// is durable, or it keeps all dead letters.
func (n Node) IsDurable() bool {
	return n.Letters == AllLetters || len(n.DurableExports()) > 0 || slices.ContainsFunc(n.Imports, func(i Import) bool { return i.Durable })
}

// Subjects lists the event types that the configuration names, some twice.
func (n Node) Subjects() (subjects []string) {
	add := func(subject string) {
		if !IsPattern(subject) {
			subjects = append(subjects, subject)
		}
	}
	for _, h := range n.Handlers {
		add(h.Pattern())
	}
	for _, l := range n.Limits {
		add(l.Event)
	}
	for _, e := range n.Exports {
		add(e.Event)
	}
	for _, i := range n.Imports {
		add(i.Event)
	}
	return subjects
}

// ServiceOf is the service of a node's name: "clue" of "clue-1".
func ServiceOf(name string) string {
	return name[:max(0, strings.LastIndexByte(name, '-'))]
}

// OwnerOf is the service that owns a subject, its first token: "clue" of "clue.answer.judged".
func OwnerOf(subject string) string {
	service, _, _ := strings.Cut(subject, ".")
	return service
}
