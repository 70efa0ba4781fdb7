package operator

import (
	"encoding/json"

	"github.com/nats-io/nats.go"
)

// The subjects that operators ask on.
const (
	// Prefix begins those that ask the node whose tap it is.
	Prefix = "mesh.ops."
	// AllPrefix begins those that ask all nodes.
	AllPrefix = Prefix + "all."
)

// Question is what an operator asks, as it came.
type Question struct {
	Subject string
	Header  nats.Header
	Body    []byte
}

// Answers is what a mesh answers, as JSON.
type Answers struct {
	// Answers are those of the nodes, sorted by their names.
	Answers []Answer `json:"answers"`
	// Silent are nodes that did not answer in time, and those whose links are down, sorted.
	Silent []string `json:"silent"`
	// More counts the nodes' answers for which the message has no room. [SkipHeader] leaves out those
	// that came.
	More int `json:"more"`
}

// Answer is what one node answers: either Answer, or Error and Code.
type Answer struct {
	Node string `json:"node"`
	// Answer is as that to the same question at the node's own tap; a text is a JSON string.
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`
	Code   int             `json:"code,omitempty"` // as in HTTP
}
