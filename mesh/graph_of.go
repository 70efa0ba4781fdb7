package mesh

import (
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"maps"
	"slices"
	"strings"
)

// Graph gives the node's graph at this moment, in a fixed order. It may be
// called at any time, also after Close. The counts are read one after the other
// while events flow.
//
// A node sees its own handlers' edges. A cycle that goes over several nodes is
// found in their merged graph; see [graph.Merge].
func (n *Node) Graph() graph.Graph {
	known := n.table.Load().types
	g := graph.Graph{Nodes: []string{n.name}, Other: n.learned.other.count.Load() + n.learned.other.refused.Load()}
	for subject, t := range known {
		g.Types = append(g.Types, graph.Type{Type: subject, Exported: t.export != nil, Imported: n.config.HasImport(subject)})
	}
	at, seen := config.ServiceOf(n.name), map[[3]string]bool{}
	for _, e := range n.learned.list() {
		count, refused := e.count.Load(), e.refused.Load()
		edge := graph.Edge{From: e.from.subject, To: e.to.subject, Handler: strings.TrimPrefix(e.from.place, "handler "), Service: at,
			Count: count, Refused: refused, Handled: e.from.done()}
		g.Edges = append(g.Edges, edge)
		seen[[3]string{edge.From, edge.To, edge.Handler}] = true
	}
	for _, e := range graph.Declared(declarations(n.config.Handlers), slices.Collect(maps.Keys(known))) {
		e.Service = at
		if !seen[[3]string{e.From, e.To, e.Handler}] {
			seen[[3]string{e.From, e.To, e.Handler}] = true // declared twice it is counted once
			if b := n.bindingAt(e.From, "handler "+e.Handler); b != nil {
				e.Handled = b.counts().done()
			}
		}
		g.Edges = append(g.Edges, e)
	}
	return graph.Merge(g)
}
