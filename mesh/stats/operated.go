package stats

import (
	"time"

	"leafmesh/mesh/cause"
)

// NodeHealth is how one of several nodes is.
type NodeHealth struct {
	Node string `json:"node"`
	// Version is that of leafmesh in the program, and Wire that of the messages on its links.
	Version string    `json:"version"`
	Wire    int       `json:"wire"`
	UpSince time.Time `json:"up_since"`
	// Ready is that of Health.
	Ready bool `json:"ready"`
	// Problems are those of Health, and Others say what else is wrong: a peer that is missed, see
	// Link.Missed, and cascades that are not kept. None is an empty list.
	Problems []string `json:"problems"`
	Others   []string `json:"others"`
}

// Retrying is an event that a handler failed, and that it is to be given again.
type Retrying struct {
	Type    string   `json:"type"`
	Key     string   `json:"key,omitempty"`
	Handler string   `json:"handler"`
	Event   cause.ID `json:"event"`
	Root    cause.ID `json:"root"`
	// Try is how often it was tried, as far as that counts, and Of how often it may be until it is
	// given up. They are deliveries if Durable, and calls of the handler otherwise.
	Try int `json:"try"`
	Of  int `json:"of"`
	// NextAt is when it is due again. If that is past, it is being tried, or waits for its turn.
	NextAt time.Time `json:"next_at"`
	Error  string    `json:"error"` // of the last try
	// Durable: it has gone back to the outbox of a peer, and is delivered again.
	Durable bool `json:"durable,omitempty"`
}

// Change is a change of a running node that ends by itself.
type Change struct {
	What  string `json:"what"`            // "rules", "limit", "cut" or "restore"
	Type  string `json:"type,omitempty"`  // what is cut or restored, or the events of one rule
	Place string `json:"place,omitempty"` // where
	By    string `json:"by,omitempty"`    // the operator's name, or "tap"
	// Until is when that is restored which was before, unless somebody changes the same until then.
	Until time.Time `json:"until"`
}
