package graph

import (
	"slices"
	"time"
)

// Since gives a node's graph with the rate of each edge: what it has counted since an earlier graph
// of the same node, which was taken so long before. An edge that was not there then, or counts less
// than then, as the node was started again, counts from nothing. There are no rates if the earlier
// graph is of another node. [Merge] adds the rates of several nodes. Since cannot tell for what was
// merged before: where a sum of several nodes fell, nobody knows how many of them were started
// again. The Graph itself is not changed.
func (g Graph) Since(earlier Graph, before time.Duration) Graph {
	if before <= 0 || !slices.Equal(g.Nodes, earlier.Nodes) {
		return g
	}
	counts := map[key]uint64{}
	for _, e := range earlier.Edges {
		counts[e.key()] = e.Count
	}
	edges := make([]Edge, len(g.Edges))
	for i, e := range g.Edges {
		more := e.Count
		if was := counts[e.key()]; was <= more {
			more -= was
		}
		e.Rate = float64(more) / before.Seconds()
		edges[i] = e
	}
	g.Edges = edges
	return g
}
