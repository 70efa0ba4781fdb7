package main

import (
	"context"
	"fmt"

	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/graph"
)

type graphCommand struct {
	target
	Output show.Format `short:"o" enum:"mermaid,json,yaml" default:"mermaid" help:"How to print it: ${enum}."`
}

// Help is shown by meshctl graph --help.
func (graphCommand) Help() string {
	return `It joins what the nodes have seen of which event types lead to which, and through which handlers. An
arrow has its factor: how many events come of one that was handled. A dashed one was declared and
not seen. JSON and YAML also have the cycles, with their gain: over 1 a cycle grows.

  meshctl graph > graph.mmd
  meshctl graph -o json | jq '.cycles'

The exit code is 1 if a node did not answer: what it alone knows is missing.`
}

// Run prints the graph.
func (c graphCommand) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	answers, failed := askAll[graph.Graph](ctx, out, m, "graph")
	var parts []graph.Graph
	for _, a := range answers {
		parts = append(parts, a.what)
	}
	all := graph.Merge(parts...)
	if c.Output == "mermaid" {
		_, err = fmt.Fprint(out.results, all.Mermaid())
	} else {
		err = c.Output.Write(out.results, all, nil)
	}
	if err != nil {
		return err
	}
	return failed
}
