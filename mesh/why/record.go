package why

import (
	"encoding/binary"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

// Record says what became of one event at one place of one node: its header and an outcome, never
// its value.
type Record struct {
	Node   string   `json:"node" cbor:"1,keyasint"` // that made the record
	Event  cause.ID `json:"event" cbor:"2,keyasint"`
	Root   cause.ID `json:"root" cbor:"3,keyasint"`
	Parent cause.ID `json:"parent,omitzero" cbor:"4,keyasint,omitzero"`
	Type   string   `json:"type" cbor:"5,keyasint"`
	// Key is the event's. A long one is cut, and ends in "…".
	Key string `json:"key,omitempty" cbor:"6,keyasint,omitempty"`
	// Path lists the steps from the root to the event, each "node:subject". It is empty if the node
	// knows more paths than it can remember.
	Path    []string      `json:"path,omitempty" cbor:"7,keyasint,omitempty"`
	Outcome stats.Outcome `json:"outcome" cbor:"8,keyasint"`
	Place   string        `json:"place,omitempty" cbor:"9,keyasint,omitempty"`
	Rule    string        `json:"rule,omitempty" cbor:"10,keyasint,omitempty"`
	// Emitted is when the event was emitted, by its origin's clock, in nanoseconds since 1970.
	Emitted int64 `json:"emitted" cbor:"11,keyasint"`
	// At is when this happened, by the clock of Node: of a handler's call when it began.
	At int64 `json:"at" cbor:"12,keyasint"`
	// Took is how long the handler ran.
	Took time.Duration `json:"took,omitempty" cbor:"13,keyasint,omitempty"`
	// Count is how many events of the type had this outcome here since the record before: more than
	// 1 where there were too many to record each.
	Count uint32 `json:"count" cbor:"14,keyasint"`
	Error string `json:"error,omitempty" cbor:"15,keyasint,omitempty"`
}

// Sampled reports whether a cascade is one of those that every node keeps although nothing is
// wrong: one in 10,000. It follows from the root's id alone, so that all nodes choose the same ones
// without a word.
func Sampled(root cause.ID) bool {
	// The last bytes of an id are random, or a hash's. Those who make ids up can have theirs
	// chosen, and get no more room than the share of what is kept that such cascades have. The
	// product is spread evenly also where the ids are not.
	return binary.BigEndian.Uint64(root[8:])*0x9E3779B97F4A7C15 < ^uint64(0)/sampleOneIn
}

const sampleOneIn = 10_000
