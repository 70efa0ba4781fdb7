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
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/operator"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Everywhere is the [Source] of all nodes that links lead to from one, in other processes too. It asks
// by questions that an operator's key signs, and each node checks them by its own file. A node that is
// known and does not answer is named.
type Everywhere struct {
	Node     *mesh.Node
	Operator nkeys.KeyPair // of one who may read
}

// NewEverywhere reads the seed of the operator. The error does not have it.
func NewEverywhere(node *mesh.Node, seed config.Secret) (*Everywhere, error) {
	text, err := seed.Resolve()
	if err != nil {
		return nil, fmt.Errorf("the operator's seed: %w", err)
	}
	pair, err := nkeys.FromSeed([]byte(text))
	if err != nil {
		return nil, errors.New("the operator's seed is none, as meshctl key makes one")
	}
	return &Everywhere{node, pair}, nil
}

var errSilent = errors.New("it did not answer in time, or no link leads there")

// ask puts a question to all nodes.
func ask[T any](ctx context.Context, e *Everywhere, question string, body []byte) (answers []Answer[T]) {
	subject := operator.AllPrefix + question
	header, err := operator.Sign(e.Operator, subject, body)
	var all operator.Answers
	if err == nil {
		all, err = e.Node.AskAll(ctx, operator.Question{Subject: subject, Header: header, Body: body})
	}
	if err != nil {
		return []Answer[T]{{Node: e.Node.Name(), Err: err}}
	}
	for _, a := range all.Answers {
		answer := Answer[T]{Node: a.Node}
		if a.Error != "" {
			answer.Err = errors.New(a.Error)
		} else if err := json.Unmarshal(a.Answer, &answer.Value); err != nil {
			answer.Err = fmt.Errorf("an answer that can not be read: %w", err)
		}
		answers = append(answers, answer)
	}
	for _, name := range all.Silent {
		answers = append(answers, Answer[T]{Node: name, Err: errSilent})
	}
	slices.SortFunc(answers, func(a, b Answer[T]) int { return strings.Compare(a.Node, b.Node) })
	return answers
}

// turned makes answers of another type of them.
func turned[T, U any](answers []Answer[T], turn func(T) (U, error)) (list []Answer[U]) {
	for _, a := range answers {
		answer := Answer[U]{Node: a.Node, Err: a.Err}
		if a.Err == nil {
			answer.Value, answer.Err = turn(a.Value)
		}
		list = append(list, answer)
	}
	return list
}

// Stats implements Source.
func (e *Everywhere) Stats(ctx context.Context) []Answer[stats.Stats] {
	return ask[stats.Stats](ctx, e, "stats", nil)
}

// Graph implements Source.
func (e *Everywhere) Graph(ctx context.Context) []Answer[graph.Graph] {
	return ask[graph.Graph](ctx, e, "graph", nil)
}

// Rules implements Source.
func (e *Everywhere) Rules(ctx context.Context) []Answer[[]config.Rule] {
	return ask[[]config.Rule](ctx, e, "rules", nil)
}

// Places implements Source.
func (e *Everywhere) Places(ctx context.Context) []Answer[[]stats.Place] {
	return ask[[]stats.Place](ctx, e, "places", nil)
}

// letters is what a node answers to mesh.ops.letters.
type letters struct {
	Letters []stats.Letter
	More    int
	Damaged string
}

// Letters implements Source. A node tells as many of those kept longest as a message has room for,
// and the error says how many more there are.
func (e *Everywhere) Letters(ctx context.Context) []Answer[[]stats.Letter] {
	return turned(ask[letters](ctx, e, "letters", nil), func(l letters) (list []stats.Letter, err error) {
		switch {
		case l.Damaged != "":
			err = errors.New(l.Damaged)
		case l.More > 0:
			err = fmt.Errorf("it has %d letters more, which meshctl letters lists", l.More)
		}
		return l.Letters, err
	})
}

// Kept implements Source.
func (e *Everywhere) Kept(ctx context.Context) []Answer[[]why.Summary] {
	return ask[[]why.Summary](ctx, e, "kept", nil)
}

// Durations implements Source: of each it has the slowest example alone.
func (e *Everywhere) Durations(ctx context.Context) []Answer[[]stats.Durations] {
	return turned(ask[[]stats.Slowest](ctx, e, "slowest", nil), func(slowest []stats.Slowest) (list []stats.Durations, err error) {
		for _, s := range slowest {
			list = append(list, stats.Durations{Of: s.Of, Type: s.Type, Place: s.Place, Peer: s.Peer,
				Histogram: stats.Histogram{Examples: []stats.Example{{Root: s.Root, Value: s.Took, At: s.At}}}})
		}
		return list, nil
	})
}

// maxPages bounds how often nodes are asked for more of a cascade, whose records a message may have no
// room for.
const maxPages = 8

// Inquire implements Source: each node tells all that it knows itself.
func (e *Everywhere) Inquire(ctx context.Context, ids ...cause.ID) ([]why.Report, error) {
	return why.Follow(ids, func(ids []cause.ID) []why.Report {
		var names []string
		for _, id := range ids {
			names = append(names, id.String())
		}
		var reports []why.Report
		skip, more := 0, true
		for page := 0; more && page < maxPages; page++ {
			more = false
			size := 0
			for _, a := range ask[why.Answer](ctx, e, "why", fmt.Appendf(nil, "%s %d", strings.Join(names, " "), skip)) {
				if a.Err != nil {
					reports = append(reports, why.Report{Node: a.Node, Problem: a.Err.Error()})
					continue
				}
				reports = append(reports, a.Value.Reports...)
				if a.Value.More > 0 && (size == 0 || a.Value.Size < size) {
					more, size = true, a.Value.Size // pages that overlap are joined
				}
			}
			skip += size
			more = more && size > 0
		}
		return why.Merge(reports...)
	}), ctx.Err()
}
