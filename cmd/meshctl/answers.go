package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
)

// printed says how a list is printed.
type printed struct {
	Output show.Format `short:"o" enum:"table,json,yaml" default:"table" help:"How to print it: ${enum}."`
}

// said is what a node answered.
type said[T any] struct {
	nodes.Answer
	what T
}

// whats are the contents of answers.
func whats[T any](list []said[T]) (all []T) {
	for _, s := range list {
		all = append(all, s.what)
	}
	return all
}

// list prints rows, or the table of them, and passes failed on. A table without rows says that
// there is nothing: that is not known while a node did not answer, and then nothing is printed.
func list[T any](out output, f show.Format, rows []T, table func() show.Table, failed error) error {
	if len(rows) == 0 && failed != nil && f == show.AsTable {
		return failed
	}
	if err := f.Write(out.results, rows, table); err != nil {
		return err
	}
	return failed
}

// errInterrupted ends a command that was told to stop before all nodes had answered: of those that
// had not yet, nothing is known.
var errInterrupted = errors.New("interrupted before all nodes had answered")

// understand decodes the answers. Who did not answer is reported, and failed is not nil then. Who
// was not waited for is not blamed: failed says that all was interrupted.
func understand[T any](out output, answers []nodes.Answer) (list []said[T], failed error) {
	for _, a := range answers {
		s := said[T]{Answer: a}
		switch err := a.Decode(&s.what); {
		case errors.Is(err, nodes.ErrInterrupted):
			failed = errInterrupted
			continue
		case err != nil:
			out.complain(a.Node, err)
			failed = cmp.Or(failed, errReported)
			continue
		}
		list = append(list, s)
	}
	return list, failed
}

// askAll asks all nodes what has an answer of one message.
func askAll[T any](ctx context.Context, out output, m nodes.Mesh, question string) ([]said[T], error) {
	return understand[T](out, m.Ask(ctx, question, nil))
}

// missing reports the nodes that a flag names and that are not among those that answered: with a
// name mistyped, all would look well. It is for when each node that is known has answered.
func (out output) missing(named, answered []string) (failed error) {
	for _, node := range named {
		if !slices.Contains(answered, node) {
			out.complain(node, errors.New("no node of this name was asked: meshctl nodes lists those that are"))
			failed = errReported
		}
	}
	return failed
}

// complain writes what is wrong with a node, or with a file, which its problems mostly name
// themselves.
func (out output) complain(node string, err error) {
	text := strings.TrimPrefix(err.Error(), "mesh: ")
	if !strings.HasPrefix(text, node+":") {
		text = node + ": " + text
	}
	fmt.Fprintf(out.problems, "meshctl: %s\n", show.Printable(text))
}
