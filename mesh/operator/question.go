package operator

import (
	"encoding/json"
	"strings"

	"github.com/nats-io/nats.go"
)

// The subjects that operators ask on.
const (
	// Prefix begins those that ask the node whose tap it is.
	Prefix = "mesh.ops."
	// AllPrefix begins those that ask all nodes.
	AllPrefix = Prefix + "all."
	// AtPrefix and the name of a node begin those that ask this node alone, through any other:
	// "mesh.ops.at.clue-1.rules".
	AtPrefix = Prefix + "at."
)

// Topic takes the subject of a question that goes from node to node apart: what is asked, and of
// which node; "": of all. ok is false if it is the subject of no such question.
func Topic(subject string) (node, name string, ok bool) {
	if name, ok = strings.CutPrefix(subject, AllPrefix); ok {
		return "", name, true
	}
	rest, ok := strings.CutPrefix(subject, AtPrefix)
	node, name, found := strings.Cut(rest, ".")
	return node, name, ok && found && node != ""
}

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
	// More counts the nodes' answers for which the message has no room. [SkipHeader] leaves out
	// those that came.
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
