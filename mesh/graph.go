package mesh

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"leafmesh/mesh/internal/graph"
)

// Graph is which event types lead to which: what handlers declare (see [Emits])
// and what their emits have shown since the node opened. [Node.Graph] gives a
// node's, [MergeGraphs] that of several nodes.
type Graph struct {
	// Nodes are the nodes it was taken from.
	Nodes []string `json:"nodes"`
	// Types are all event types known there.
	Types []GraphType `json:"types"`
	Edges []GraphEdge `json:"edges"`
	// Cycles are the elementary cycles, the shortest first: a thousand at most, and
	// CyclesCut says whether some are missing.
	Cycles    []GraphCycle `json:"cycles"`
	CyclesCut bool         `json:"cycles_cut,omitempty"`
	// Other counts the events of edges that were left out: a node learns 1024.
	Other uint64 `json:"other,omitempty"`
}

// GraphType is an event type in a graph.
type GraphType struct {
	Type     string `json:"type"`
	Exported bool   `json:"exported,omitempty"`
	Imported bool   `json:"imported,omitempty"`
}

// GraphEdge says that a handler of events From emits events To. A handler that
// gives an event up leads to [DeadLetters].
type GraphEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Handler is the handler's name and Service that of its nodes.
	Handler string `json:"handler"`
	Service string `json:"service"`
	// Count is how many events To the handler emitted for events From, as far as
	// they took effect. Handled is how many events From it was done with.
	Count   uint64 `json:"count"`
	Handled uint64 `json:"handled"`
	// Refused is how many more the cascade guard refused to the handler.
	Refused uint64 `json:"refused,omitempty"`
	// Factor is Count and Refused divided by Handled: the events that one event leads
	// to here, or would. Refused ones are in it because a cascade that was stopped
	// has always fewer emitted events than handled ones, however fast it grew.
	Factor float64 `json:"factor"`
	// Declared says that the handler declares it; it need not have been seen.
	Declared bool `json:"declared,omitempty"`
}

// GraphCycle is a way that events can go round.
type GraphCycle struct {
	// Types are in the order of the events; after the last comes the first.
	Types []string `json:"types"`
	// Gain is how many events come back for one that sets out: the product of the
	// factors along the cycle, those of several handlers added up.
	Gain float64 `json:"gain"`
}

// edgeKey tells the edges of a graph apart.
type edgeKey struct{ from, to, service, handler string }

func (e *GraphEdge) key() edgeKey { return edgeKey{e.From, e.To, e.Service, e.Handler} }

// draft is a graph under construction.
type draft struct {
	nodes []string
	types map[string]GraphType
	edges map[edgeKey]GraphEdge
	other uint64
}

func newDraft() *draft {
	return &draft{nodes: []string{}, types: map[string]GraphType{}, edges: map[edgeKey]GraphEdge{}}
}

// addType adds a type, or what is new about it.
func (d *draft) addType(t GraphType) {
	known := d.types[t.Type]
	d.types[t.Type] = GraphType{t.Type, known.Exported || t.Exported, known.Imported || t.Imported}
}

// addEdge adds an edge and its types, or its counts to what there is.
func (d *draft) addEdge(e GraphEdge) {
	d.addType(GraphType{Type: e.From})
	d.addType(GraphType{Type: e.To})
	known := d.edges[e.key()]
	e.Count, e.Refused, e.Handled = known.Count+e.Count, known.Refused+e.Refused, known.Handled+e.Handled
	e.Declared = known.Declared || e.Declared
	d.edges[e.key()] = e
}

// finish puts everything in order and finds the cycles.
func (d *draft) finish() Graph {
	slices.Sort(d.nodes)
	// Empty lists are lists in JSON too.
	g := Graph{Nodes: slices.Compact(d.nodes), Types: []GraphType{}, Edges: []GraphEdge{}, Cycles: []GraphCycle{}, Other: d.other}
	for _, name := range slices.Sorted(maps.Keys(d.types)) {
		g.Types = append(g.Types, d.types[name])
	}
	for _, e := range d.edges {
		if e.Handled > 0 {
			e.Factor = float64(e.Count+e.Refused) / float64(e.Handled)
		}
		g.Edges = append(g.Edges, e)
	}
	slices.SortFunc(g.Edges, func(a, b GraphEdge) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To),
			strings.Compare(a.Service, b.Service), strings.Compare(a.Handler, b.Handler))
	})
	edges := make([]graph.Edge, len(g.Edges))
	for i, e := range g.Edges {
		edges[i] = graph.Edge{From: e.From, To: e.To, Factor: e.Factor}
	}
	var cycles []graph.Cycle
	cycles, g.CyclesCut = graph.Cycles(edges)
	for _, c := range cycles {
		g.Cycles = append(g.Cycles, GraphCycle(c))
	}
	return g
}

// Graph gives the node's graph at this moment, in a fixed order. It may be
// called at any time, also after Close. The counts are read one after the other
// while events flow.
//
// A node sees its own handlers' edges. A cycle that goes over several nodes is
// found in their merged graph; see [MergeGraphs].
func (n *Node) Graph() Graph {
	d := newDraft()
	d.nodes, d.other = append(d.nodes, n.name), n.learned.other.count.Load()+n.learned.other.refused.Load()
	known := n.table.Load().types
	for subject, t := range known {
		d.addType(GraphType{subject, t.export != nil, n.config.imports(subject)})
	}
	at := service(n.name)
	for _, e := range n.learned.list() {
		count, refused := e.count.Load(), e.refused.Load()
		d.addEdge(GraphEdge{From: e.from.subject, To: e.to.subject, Handler: strings.TrimPrefix(e.from.place, "handler "), Service: at,
			Count: count, Refused: refused, Handled: e.from.done()})
	}
	for _, declared := range declaredEdges(n.config.Handlers, slices.Collect(maps.Keys(known))) {
		e := GraphEdge{From: declared.from, To: declared.to, Handler: declared.handler, Service: at, Declared: true}
		if _, seen := d.edges[e.key()]; !seen {
			if b := n.bindingAt(e.From, "handler "+e.Handler); b != nil {
				e.Handled = b.counts().done()
			}
		}
		d.addEdge(e)
	}
	return d.finish()
}

// MergeGraphs gives the graph of several nodes: what each has seen, added up.
// Events are counted where they are handled, so none is counted twice. Give
// each node's graph once.
//
// Instances of a service count as one: a factor is that of an event handled on
// one of them. Under an import with [Each] every instance handles each event, so
// an event leads to that many times as many on the whole mesh.
func MergeGraphs(graphs ...Graph) Graph {
	d := newDraft()
	for _, g := range graphs {
		d.nodes = append(d.nodes, g.Nodes...)
		d.other += g.Other
		for _, t := range g.Types {
			d.addType(t)
		}
		for _, e := range g.Edges {
			d.addEdge(e)
		}
	}
	return d.finish()
}

// Mermaid draws the graph as a flowchart in Mermaid's language, which many
// viewers of Markdown show. Each arrow has its handler and its factor; one that
// was declared and not seen is dashed. Equal graphs give equal text.
func (g Graph) Mermaid() string {
	var nodes []graph.Node
	for _, t := range g.Types {
		n := graph.Node{Name: t.Type}
		if t.Exported {
			n.Marks = append(n.Marks, "exported")
		}
		if t.Imported {
			n.Marks = append(n.Marks, "imported")
		}
		nodes = append(nodes, n)
	}
	var arrows []graph.Arrow
	for _, e := range g.Edges {
		label := e.Handler + " ×" + graph.Number(e.Factor)
		if len(g.Nodes) > 1 {
			label = e.Service + "/" + label
		}
		arrows = append(arrows, graph.Arrow{From: e.From, To: e.To, Label: label, Dashed: e.Count+e.Refused == 0})
	}
	return graph.Mermaid(nodes, arrows)
}
