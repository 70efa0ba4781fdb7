package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Mesh is what [Everywhere] asks: nodes that answer operators, as docs/operations.md describes it.
// Its methods are safe for concurrent use, and return soon after ctx ends. [Linked] is one.
type Mesh interface {
	// Ask puts a question, such as "stats", to all nodes, and has an answer of each that is known.
	Ask(ctx context.Context, question string, body []byte) []Answer[json.RawMessage]
	// AskOne puts one to the node of a name alone.
	AskOne(ctx context.Context, node, question string, body []byte) Answer[json.RawMessage]
}

// Everywhere is the [Source] of all nodes of a mesh, in other processes too, and the [Changer] for
// an operator who may change them. Each node looks what its own file lets that operator do.
type Everywhere struct{ Mesh Mesh }

// ask puts a question to all nodes.
func ask[T any](ctx context.Context, e *Everywhere, question string, body []byte) (answers []Answer[T]) {
	for _, a := range e.Mesh.Ask(ctx, question, body) {
		answer := Answer[T]{Node: a.Node, Err: a.Err}
		if a.Err == nil {
			if err := json.Unmarshal(a.Value, &answer.Value); err != nil {
				answer.Err = fmt.Errorf("an answer that cannot be read: %w", err)
			}
		}
		answers = append(answers, answer)
	}
	return answers
}

// part is what a node answers to a question for a list.
type part[T any] struct {
	List    []T
	More    int    // that follow
	Damaged string // what cannot be read
}

func (p part[T]) all() ([]T, int, error) { return p.List, p.More, errorOf(p.Damaged) }

// errorOf is the error that a node tells of beside what it has; nil for "".
func errorOf(damaged string) error {
	if damaged == "" {
		return nil
	}
	return errors.New(damaged)
}

// maxPages bounds how often nodes are asked for more of what a message may have no room for.
const maxPages = 8

// askAll asks nodes for all of their lists, as often as it takes. read takes a part of one, and how
// many entries follow it. What is left out in the end is an error of the node, beside what it has.
func askAll[T, P any](ctx context.Context, e *Everywhere, question string, read func(P) (list []T, more int, err error)) (answers []Answer[[]T]) {
	var body []byte
	rest := map[string]int{} // entries that nodes have still
	for page, skip := 0, 0; page == 0 || len(rest) > 0 && page < maxPages && ctx.Err() == nil; page++ {
		for _, a := range ask[P](ctx, e, question, body) {
			i := slices.IndexFunc(answers, func(known Answer[[]T]) bool { return known.Node == a.Node })
			if i < 0 && page == 0 {
				answers, i = append(answers, Answer[[]T]{Node: a.Node, Err: a.Err}), len(answers)
			} else if i < 0 || rest[a.Node] == 0 { // it came meanwhile, or has said all
				continue
			}
			if a.Err != nil { // what it has still remains left out
				continue
			}
			list, more, err := read(a.Value)
			known := &answers[i]
			known.Value, known.Err = append(known.Value, list[min(len(list), len(known.Value)-skip):]...), err // a page may begin earlier for others' sake
			if delete(rest, a.Node); more > 0 {
				rest[a.Node] = more
			}
		}
		next := math.MaxInt // where the one goes on that has told least, also if it had no answer now
		for _, a := range answers {
			if rest[a.Node] > 0 {
				next = min(next, len(a.Value))
			}
		}
		skip, body = next, strconv.AppendInt(nil, int64(next), 10)
	}
	for i, a := range answers {
		if left := rest[a.Node]; left > 0 {
			answers[i].Err = errors.Join(a.Err, fmt.Errorf("%d more are left out: ask the node itself for %s", left, question))
		}
	}
	return answers
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
	return askAll(ctx, e, "places", part[stats.Place].all)
}

// letters is what a node answers to mesh.ops.letters.
type letters struct {
	Letters []stats.Letter
	More    int
	Damaged string
}

// Letters implements Source.
func (e *Everywhere) Letters(ctx context.Context) []Answer[[]stats.Letter] {
	return askAll(ctx, e, "letters", func(l letters) (_ []stats.Letter, more int, err error) {
		return l.Letters, l.More, errorOf(l.Damaged)
	})
}

// Kept implements Source.
func (e *Everywhere) Kept(ctx context.Context) []Answer[[]why.Summary] {
	return askAll(ctx, e, "kept", part[why.Summary].all)
}

// Durations implements Source: of each it has the slowest example alone.
func (e *Everywhere) Durations(ctx context.Context) []Answer[[]stats.Durations] {
	return askAll(ctx, e, "slowest", func(p part[stats.Slowest]) (list []stats.Durations, more int, err error) {
		for _, s := range p.List {
			list = append(list, stats.Durations{Of: s.Of, Type: s.Type, Place: s.Place, Peer: s.Peer,
				Histogram: stats.Histogram{Examples: []stats.Example{{Root: s.Root, Value: s.Took, At: s.At}}}})
		}
		return list, p.More, nil
	})
}

// Inquire implements Source: each node tells all that it knows itself.
func (e *Everywhere) Inquire(ctx context.Context, ids ...cause.ID) (reports []why.Report, err error) {
	reports = why.Follow(ids, func(ids []cause.ID) (reports []why.Report) {
		var names []string
		for _, id := range ids {
			names = append(names, id.String())
		}
		err = nil // those of the last round have all
		for page, skip := 0, 0; ; page++ {
			size, left := 0, 0
			for _, a := range ask[why.Answer](ctx, e, "why", fmt.Appendf(nil, "%s %d", strings.Join(names, " "), skip)) {
				if a.Err != nil {
					reports = append(reports, why.Report{Node: a.Node, Problem: a.Err.Error()})
					continue
				}
				reports = append(reports, a.Value.Reports...)
				left += a.Value.More
				if a.Value.More > 0 && (size == 0 || a.Value.Size < size) {
					size = a.Value.Size // pages that overlap are joined
				}
			}
			if skip += size; left > 0 && page+1 == maxPages {
				err = fmt.Errorf("%d records are left out: ask the nodes themselves for why", left)
			}
			if left == 0 || page+1 == maxPages {
				return why.Merge(reports...)
			}
		}
	})
	return reports, errors.Join(err, ctx.Err())
}
