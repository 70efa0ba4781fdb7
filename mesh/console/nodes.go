package console

import (
	"context"
	"errors"

	"leafmesh/mesh"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Nodes is the [Source] of nodes in this process: of one node, or of all that embedded or a test
// runs.
type Nodes []*mesh.Node

// Stats implements Source.
func (nodes Nodes) Stats(context.Context) []Answer[stats.Stats] {
	return each(nodes, func(n *mesh.Node) (stats.Stats, error) { return n.Stats(), nil })
}

// Graph implements Source.
func (nodes Nodes) Graph(context.Context) []Answer[graph.Graph] {
	return each(nodes, func(n *mesh.Node) (graph.Graph, error) { return n.Graph(), nil })
}

// Rules implements Source.
func (nodes Nodes) Rules(context.Context) []Answer[[]config.Rule] {
	return each(nodes, func(n *mesh.Node) ([]config.Rule, error) { return n.Rules(), nil })
}

// Places implements Source.
func (nodes Nodes) Places(context.Context) []Answer[[]stats.Place] {
	return each(nodes, func(n *mesh.Node) ([]stats.Place, error) { return n.Places(), nil })
}

// Letters implements Source.
func (nodes Nodes) Letters(context.Context) []Answer[[]stats.Letter] {
	return each(nodes, (*mesh.Node).Letters)
}

// Kept implements Source.
func (nodes Nodes) Kept(context.Context) []Answer[[]why.Summary] {
	return each(nodes, (*mesh.Node).Kept)
}

// Durations implements Source. With the first question the nodes begin to measure.
func (nodes Nodes) Durations(context.Context) []Answer[[]stats.Durations] {
	return each(nodes, func(n *mesh.Node) ([]stats.Durations, error) {
		n.Measure()
		return n.Durations(), nil
	})
}

// Inquire implements Source. A single node asks others over its links.
func (nodes Nodes) Inquire(ctx context.Context, ids ...cause.ID) (reports []why.Report, err error) {
	if len(nodes) == 1 {
		return nodes[0].Inquire(ctx, ids...)
	}
	reports = why.Follow(ids, func(ids []cause.ID) []why.Report {
		var found []why.Report
		err = nil // those of the last round have all
		for _, n := range nodes {
			report, problem := n.Recall(ctx, ids...)
			found, err = append(found, report), errors.Join(err, problem)
		}
		return found
	})
	return reports, err
}

// each asks all nodes.
func each[T any](nodes Nodes, ask func(*mesh.Node) (T, error)) []Answer[T] {
	answers := make([]Answer[T], len(nodes))
	for i, n := range nodes {
		value, err := ask(n)
		answers[i] = Answer[T]{Node: n.Name(), Value: value, Err: err}
	}
	return answers
}
