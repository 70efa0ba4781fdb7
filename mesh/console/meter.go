package console

import (
	"maps"
	"slices"
	"time"

	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
)

// meter makes rates of counters: of each sample and the one before. It is pure, as times are given
// to it.
type meter struct {
	last  sample
	graph graphs
}

// sample is what was counted until a time.
type sample struct {
	at     time.Time
	nodes  map[string]bool // that answered
	counts map[counter]uint64
	links  map[wire]uint64
}

type counter struct {
	node, subject, place, rule string
	outcome                    stats.Outcome
}

type wire struct{ node, peer, direction string }

// graphs is what was last known of which types lead to which.
type graphs struct {
	at     time.Time
	ofNode map[string]graph.Graph // of those that answered
	leaves map[string]bool        // the types that some node exports
	edges  []edgeView
}

// perSecond is the rate of a counter. One that fell is that of a node that was started again, and
// has counted from zero.
func perSecond(before, now uint64, took time.Duration) float64 {
	if now < before {
		before = 0
	}
	return float64(now-before) / took.Seconds()
}

// read makes a snapshot. Without a look at the graph the last one holds.
func (m *meter) read(now time.Time, answers []Answer[stats.Stats], look []Answer[graph.Graph]) snapshot {
	if look != nil {
		m.graph = m.graph.next(now, look)
	}
	next := sample{at: now, nodes: map[string]bool{}, counts: map[counter]uint64{}, links: map[wire]uint64{}}
	took := now.Sub(m.last.at)
	byType := map[string]map[stats.Outcome]float64{}
	s := snapshot{At: now.UnixMilli(), Nodes: []nodeView{}}
	for _, a := range answers {
		if a.Err != nil {
			s.Nodes = append(s.Nodes, nodeView{Name: a.Node, Asked: true, Problem: a.Err.Error()})
			continue
		}
		next.nodes[a.Node] = true
		ofNode := map[stats.Outcome]float64{}
		for _, c := range a.Value.Counts {
			at := counter{a.Node, c.Type, c.Place, c.Rule, c.Outcome}
			next.counts[at] = c.Count
			if byType[c.Type] == nil {
				byType[c.Type] = map[stats.Outcome]float64{}
			}
			if m.last.nodes[a.Node] { // else it may have counted for long
				rate := perSecond(m.last.counts[at], c.Count, took)
				ofNode[c.Outcome] += rate
				byType[c.Type][c.Outcome] += rate
			}
		}
		s.Nodes = append(s.Nodes, nodeView{Name: a.Node, Asked: true, Waiting: a.Value.Waiting, Slow: len(a.Value.Slow),
			Letters: a.Value.Letters.Count, rates: newRates(ofNode)})
	}
	s.Links = linksOf(answers, func(node string, l stats.Link) float64 {
		at, count := wire{node, l.Peer, l.Direction}, l.MessagesIn
		if l.Direction == exports {
			count = l.MessagesOut
		}
		next.links[at] = count
		if !m.last.nodes[node] {
			return 0
		}
		return tenths(perSecond(m.last.links[at], count, took))
	})
	s.Nodes = withPeers(s.Nodes, s.Links)
	s.Types = typesOf(byType, m.graph.leaves)
	s.Edges = append([]edgeView{}, m.graph.edges...)
	m.last = next
	return s
}

// typesOf lists the types that were seen or are known.
func typesOf(seen map[string]map[stats.Outcome]float64, leaves map[string]bool) []typeView {
	names := map[string]bool{}
	for name := range seen {
		names[name] = true
	}
	for name := range leaves {
		names[name] = true
	}
	delete(names, "") // of what could not be read
	types := make([]typeView, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		types = append(types, typeView{Type: name, Leaves: leaves[name], rates: newRates(seen[name])})
	}
	return types
}

// next is what another look at the graph tells. The rates are each node's own, added up: what a sum
// of nodes has counted falls when one of them is started again.
func (g graphs) next(now time.Time, answers []Answer[graph.Graph]) graphs {
	next := graphs{at: now, ofNode: map[string]graph.Graph{}, leaves: map[string]bool{}}
	var all []graph.Graph
	for _, a := range answers {
		if a.Err != nil {
			continue
		}
		next.ofNode[a.Node] = a.Value
		all = append(all, a.Value.Since(g.ofNode[a.Node], now.Sub(g.at)))
	}
	merged := graph.Merge(all...)
	for _, t := range merged.Types {
		next.leaves[t.Type] = t.Exported
	}
	for _, e := range merged.Edges {
		next.edges = append(next.edges, edgeView{From: e.From, To: e.To, Service: e.Service, Handler: e.Handler, Rate: tenths(e.Rate)})
	}
	return next
}
