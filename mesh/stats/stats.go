package stats

import (
	"fmt"
	"time"

	"leafmesh/mesh/cause"
)

// Count is one counter: how many events of a type had an outcome at a place, and by which rule.
// Counts only grow while the node lives.
type Count struct {
	Type    string  `json:"type"`
	Outcome Outcome `json:"outcome"`
	Place   string  `json:"place,omitempty"` // "emit", "handler count", "export"
	Rule    string  `json:"rule,omitempty"`
	Count   uint64  `json:"count"`
}

// String says it in words: "2 clue.answer.guessed failed at handler judge by queue-full".
func (c Count) String() string {
	text := fmt.Sprintf("%d %s %s", c.Count, c.Type, c.Outcome)
	if c.Place != "" {
		text += " at " + c.Place
	}
	if c.Rule != "" {
		text += " by " + c.Rule
	}
	return text
}

// Stats is a node's counters at a moment. The counters are read one after the other while events
// flow; at rest they agree.
type Stats struct {
	Node string `json:"node"`
	// At is when they were read, by the node's clock, in nanoseconds since 1970.
	At int64 `json:"at"`
	// Counts are those above zero, ordered by type, outcome, place and rule.
	Counts []Count `json:"counts"`
	Links  []Link  `json:"links"`
	// Version is that of the program's leafmesh, Wire that of what nodes say to each other.
	Version string `json:"version"`
	Wire    uint64 `json:"wire"`
	// Health is as of some moments ago.
	Health Health `json:"health"`
	// Waiting counts the events reserved, waiting or being handled in all queues, those that rules
	// keep, and those that rest between two tries, with what waits behind them.
	Waiting int64 `json:"waiting"`
	// Lines has an entry for each rule that events of a type wait for.
	Lines []Line `json:"lines,omitempty"`
	// Slow lists the calls of handlers that take too long, the longest first.
	Slow     []Running `json:"slow,omitempty"`
	Cascades Cascades  `json:"cascades"`
	// Outbox is what this node keeps for others; nil without a durable export.
	Outbox *Outbox `json:"outbox,omitempty"`
	// Imports has an entry for each import that is not durable.
	Imports []Import `json:"imports,omitempty"`
	// DurableImports has an entry for each durable import and peer.
	DurableImports []DurableImport `json:"durable_imports,omitempty"`
	Letters        Letters         `json:"letters,omitzero"`
	// Changes are those that operators made for a time, the first to end first.
	Changes []Change `json:"changes,omitempty"`
	// Recorder is how full the flight recorder is; nil if the node has none.
	Recorder *Recorder `json:"recorder,omitempty"`
	// Traces tells of the spans that are made of it; nil if the node is not traced.
	Traces *Traces `json:"traces,omitempty"`
}

// Total sums an outcome over all types, places and rules.
func (s Stats) Total(outcome Outcome) uint64 { return s.Of("", outcome) }

// Of sums an outcome over all places and rules of one type; "" means all types.
func (s Stats) Of(subject string, outcome Outcome) (sum uint64) {
	for _, c := range s.Counts {
		if c.Outcome == outcome && (subject == "" || c.Type == subject) {
			sum += c.Count
		}
	}
	return sum
}

// Cascades is how full the ledger of the cascade guard is.
type Cascades struct {
	// Known cascades had a descendant on this node lately: at most 65,536.
	Known int `json:"known"`
	// Forgotten ones made room for others, each time one did. Should one go on, its budget of
	// descendants begins anew.
	Forgotten uint64 `json:"forgotten"`
}

// Link is one directed connection to a peer. Its messages are events; the bytes also have the
// links' own traffic.
type Link struct {
	Peer string `json:"peer"`
	// Direction is "imports" for a link this node reads from and "exports" for one a peer reads
	// this node's exports from.
	Direction string `json:"direction"`
	Connected bool   `json:"connected"`
	// Missed says of a link by which a peer reads that it should be there: the peer was linked
	// since the node was opened, or events are kept for it.
	Missed      bool   `json:"missed,omitempty"`
	MessagesIn  uint64 `json:"messages_in"`
	MessagesOut uint64 `json:"messages_out"`
	BytesIn     uint64 `json:"bytes_in"`
	BytesOut    uint64 `json:"bytes_out"`
	LinkState
}

// Outbox is what a node keeps for services that import from it, as it was within the last second.
type Outbox struct {
	// Events are stored. Those that all have handled stay for some minutes, so that one that is
	// emitted again is recognized.
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
	// Oldest is how long ago the oldest of them was stored that a service has still to handle; 0 if
	// there is none.
	Oldest time.Duration `json:"oldest"`
	// Readers has an entry for each service and type.
	Readers []OutboxReader `json:"readers"`
}

// OutboxReader is one service that durable events of one type are kept for.
type OutboxReader struct {
	Service string `json:"service"` // or the instance, for which alone it is kept
	Type    string `json:"type"`
	// Known says that the service has come for the type at least once.
	Known bool `json:"known"`
	// Backlog counts the events that it has not handled, also if it is not there.
	Backlog uint64 `json:"backlog"`
	// UnderWay counts those of them that its nodes have taken and not settled, and Aside those that
	// wait to come again.
	UnderWay int `json:"under_way"`
	Aside    int `json:"aside"`
	// AsideBytes is the size of those that wait for their time. Where 4,096 do, or 64 MiB, keys of
	// which some wait get no new events from the outbox, and the others go on.
	AsideBytes int `json:"aside_bytes"`
	// Redelivered counts the events that were delivered again, and Lost those that were given up:
	// more waited than the service's bound lets, no node of the service takes events so large, or
	// the outbox has them no more; both since the node was opened. Counts has them too, as lost at
	// "outbox <service>".
	Redelivered uint64 `json:"redelivered"`
	Lost        uint64 `json:"lost"`
}

// Import is one event type that the node takes from its links.
type Import struct {
	Type string `json:"type"`
	// Each says that every instance of the service gets the events; else they share them.
	Each bool `json:"each,omitempty"`
	// Arrived counts the events that came and are no longer in the import's hands: in the queues
	// of the handlers, kept by a rule, or dropped.
	Arrived uint64 `json:"arrived"`
}

// DurableImport is one event type that the node takes out of a peer's outbox.
type DurableImport struct {
	Peer string `json:"peer"`
	Type string `json:"type"`
	// Connected says that the peer serves the import; Problem says why it does not.
	Connected bool   `json:"connected"`
	Problem   string `json:"problem,omitempty"`
	// UnderWay counts the events that were taken and not settled.
	UnderWay int `json:"under_way"`
}

// Letters is about the dead letters that are kept. See mesh.Node.Letters.
type Letters struct {
	Count  int           `json:"count"`
	Oldest time.Duration `json:"oldest"` // how long ago the oldest was given up; 0 if there is none
}

// Letter is a dead letter that is kept: an event of a durable import that a handler of a node gave
// up for good, or any other if the node keeps all. It is in the node's data directory until it is
// replayed or dropped; one of no durable import also goes to make room for others.
type Letter struct {
	// Key names the letter on its node.
	Key string `json:"key"`
	// Event is the event's id; of one that could not be decoded, a hash.
	Event cause.ID `json:"event"`
	Type  string   `json:"type"`
	// Root is the root of the event's cascade, Path the steps from there to the event, each
	// "node:subject", and EventKey the event's key. They are zero if the event cannot be decoded.
	Root     cause.ID `json:"root,omitzero"`
	Path     []string `json:"path,omitempty"`
	EventKey string   `json:"event_key,omitempty"`
	// Handler is the handler that gave it up; "import" if it came to none.
	Handler string `json:"handler"`
	Peer    string `json:"peer"` // whose outbox it came from; empty for an event of no durable import
	// Tries is how often it was delivered; of an event of no durable import, how often its handler
	// was called.
	Tries int       `json:"tries"`
	Error string    `json:"error"` // of the last time
	At    time.Time `json:"at"`    // when it was given up
	// Payload is the event's value as CBOR. mesh.Node.Letters leaves it out.
	Payload []byte `json:"payload,omitempty"`
}

// Line is what waits for one rule and event type, the callers of Emit that wait counted too.
type Line struct {
	Type  string `json:"type"`
	Place string `json:"place"`
	Rule  string `json:"rule"`
	// Waiting counts the events. Bytes are those of payloads that came over a link.
	Waiting int `json:"waiting"`
	Bytes   int `json:"bytes,omitempty"`
	// Keys is how many keys, roots or peers they have, as the rule says; Longest is the one that
	// most events wait with.
	Keys    int    `json:"keys"`
	Longest string `json:"longest,omitempty"`
	// Oldest is how long the one that came first has waited.
	Oldest time.Duration `json:"oldest"`
}

// Running is a call of a handler that takes too long: see config.Alarms.Handling.
type Running struct {
	Handler string   `json:"handler"`
	Type    string   `json:"type"`
	Event   cause.ID `json:"event"`
	Root    cause.ID `json:"root"`
	Key     string   `json:"key,omitempty"`
	// For is how long it has run.
	For time.Duration `json:"for"`
}
