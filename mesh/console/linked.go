package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/operator"
)

// Linked is the [Mesh] of all nodes that links lead to from one of this process. An operator's key
// signs what is asked. A node that is known and does not answer is named.
type Linked struct {
	Node     *mesh.Node
	Operator nkeys.KeyPair // of one who may read
}

// NewEverywhere makes the source of all nodes that links lead to from a node, asked by an
// operator's seed. The error does not have it.
func NewEverywhere(node *mesh.Node, seed config.Secret) (*Everywhere, error) {
	text, err := seed.Resolve()
	if err != nil {
		return nil, fmt.Errorf("the operator's seed: %w", err)
	}
	pair, err := nkeys.FromSeed([]byte(text))
	if err != nil {
		return nil, errors.New("the operator's seed is none, as meshctl key makes one")
	}
	return &Everywhere{Linked{node, pair}}, nil
}

var errSilent = errors.New("it did not answer in time, or no link leads there")

// Ask implements Mesh.
func (l Linked) Ask(ctx context.Context, question string, body []byte) []Answer[json.RawMessage] {
	return l.ask(ctx, operator.AllPrefix+question, body)
}

// AskOne implements Mesh.
func (l Linked) AskOne(ctx context.Context, node, question string, body []byte) Answer[json.RawMessage] {
	for _, a := range l.ask(ctx, operator.AtPrefix+node+"."+question, body) {
		return a
	}
	return Answer[json.RawMessage]{Node: node, Err: errSilent}
}

// ask signs a question, and lists the answers by the names of nodes.
func (l Linked) ask(ctx context.Context, subject string, body []byte) (answers []Answer[json.RawMessage]) {
	header, err := operator.Sign(l.Operator, subject, body)
	var all operator.Answers
	if err == nil {
		all, err = l.Node.AskAll(ctx, operator.Question{Subject: subject, Header: header, Body: body})
	}
	if err != nil {
		return []Answer[json.RawMessage]{{Node: l.Node.Name(), Err: err}}
	}
	for _, a := range all.Answers {
		answer := Answer[json.RawMessage]{Node: a.Node, Value: a.Answer}
		if a.Error != "" {
			answer.Err = errors.New(a.Error)
		}
		answers = append(answers, answer)
	}
	for _, name := range all.Silent {
		answers = append(answers, Answer[json.RawMessage]{Node: name, Err: errSilent})
	}
	slices.SortFunc(answers, func(a, b Answer[json.RawMessage]) int { return strings.Compare(a.Node, b.Node) })
	return answers
}
