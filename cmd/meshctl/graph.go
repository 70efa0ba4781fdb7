package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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

The exit code is 1 if a node did not answer: what it alone knows is missing, or its rates are.`
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
	all, failed := c.whole(ctx, out, m)
	if ctx.Err() != nil {
		return errInterrupted
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

// whole joins what the nodes have seen, each with its own rates. The error says that some did not
// answer.
func (c graphCommand) whole(ctx context.Context, out output, m nodes.Mesh) (graph.Graph, error) {
	var earlier []said[graph.Graph]
	if c.Every > 0 {
		// Who does not answer is reported the second time.
		earlier, _ = understand[graph.Graph](output{problems: io.Discard}, m.Ask(ctx, "graph", nil))
	}
	if len(earlier) > 0 {
		select {
		case <-time.After(c.Every):
		case <-ctx.Done():
		}
	}
	answers, failed := askAll[graph.Graph](ctx, out, m, "graph")
	var parts []graph.Graph
	for _, a := range answers {
		was := slices.IndexFunc(earlier, func(e said[graph.Graph]) bool { return e.Node == a.Node })
		switch {
		case was >= 0:
			a.what = a.what.Since(earlier[was].what, a.Asked.Sub(earlier[was].Asked))
		case c.Every > 0:
			out.complain(a.Node, errors.New("its rates are missing: it did not answer when the count began; try again"))
			failed = errReported
		}
		parts = append(parts, a.what)
	}
	return graph.Merge(parts...), failed
}
