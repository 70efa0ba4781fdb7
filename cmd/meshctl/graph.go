package main

import (
	"context"
	"fmt"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/graph"
)

type graphCommand struct {
	target
	Every  time.Duration `default:"1s" placeholder:"TIME" help:"How long to count for the rates; 0: without rates. 1s if it is not given."`
	Output show.Format   `short:"o" enum:"mermaid,svg,json,yaml" default:"mermaid" help:"How to print it: ${enum}."`
}

// Help is shown by meshctl graph --help.
func (graphCommand) Help() string {
	return `It joins what the nodes have seen of which event types lead to which, and through which handlers. An
arrow has its factor, how many events come of one that was handled, and its rate, if events came while
it was counted. A dashed one was declared and not seen. Cycles are red, with their gain: over 1 a cycle
grows.

  meshctl graph > graph.mmd
  meshctl graph -o svg --every 10s > graph.svg
  meshctl graph -o json | jq '.cycles'

The exit code is 1 if a node did not answer: what it alone knows is missing.`
}

// Run prints the graph.
func (c graphCommand) Run(ctx context.Context, out output) error {
	if c.Every < 0 {
		return fmt.Errorf("--every %v: it has no time before now; give 1s, or 0 for no rates", c.Every)
	}
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	all, failed := wholeGraph(ctx, out, m)
	if c.Every > 0 && failed == nil {
		begun := time.Now()
		select {
		case <-time.After(c.Every):
		case <-ctx.Done():
			return ctx.Err()
		}
		earlier := all
		all, failed = wholeGraph(ctx, out, m)
		all = all.Since(earlier, time.Since(begun))
	}
	switch c.Output {
	case "mermaid":
		_, err = fmt.Fprint(out.results, all.Mermaid())
	case "svg":
		_, err = fmt.Fprint(out.results, all.SVG())
	default:
		err = c.Output.Write(out.results, all, nil)
	}
	if err != nil {
		return err
	}
	return failed
}

// wholeGraph joins what the nodes have seen. The error says that some did not answer.
func wholeGraph(ctx context.Context, out output, m nodes.Mesh) (graph.Graph, error) {
	answers, failed := askAll[graph.Graph](ctx, out, m, "graph")
	var parts []graph.Graph
	for _, a := range answers {
		parts = append(parts, a.what)
	}
	return graph.Merge(parts...), failed
}
