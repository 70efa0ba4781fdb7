package console

import (
	"math"
	"slices"
	"strings"

	"leafmesh/mesh/stats"
)

// snapshot is the mesh at a moment, with rates since the one before.
type snapshot struct {
	At    int64      `json:"at"` // in milliseconds since 1970
	Nodes []nodeView `json:"nodes"`
	Links []linkView `json:"links"`
	Types []typeView `json:"types"`
	Edges []edgeView `json:"edges"`
}

// rates are events a second.
type rates struct {
	Local    float64 `json:"local"`    // emitted, and not exported
	Exported float64 `json:"exported"` // emitted, and sent to the links or put into the outbox
	Imported float64 `json:"imported"`
	Handled  float64 `json:"handled"`
	Retried  float64 `json:"retried"`
	Shed     float64 `json:"shed"`
	Refused  float64 `json:"refused"`
	Failed   float64 `json:"failed"`
	Lost     float64 `json:"lost"`
}

// nodeView is a node. One that is only known as a peer of others has nothing but a name.
type nodeView struct {
	Name    string `json:"name"`
	Asked   bool   `json:"asked"`
	Problem string `json:"problem,omitempty"` // why it did not answer
	Waiting int64  `json:"waiting"`
	Slow    int    `json:"slow"`
	Letters int    `json:"letters"`
	rates
}

// linkView is a link, in the direction of the events.
type linkView struct {
	From  string           `json:"from"`
	To    string           `json:"to"`
	State stats.LinkStatus `json:"state"`
	Rate  float64          `json:"rate"`
}

// typeView is an event type on all nodes.
type typeView struct {
	Type   string `json:"type"`
	Leaves bool   `json:"leaves"` // some node exports it
	rates
}

// edgeView says that handlers of one type emit another one.
type edgeView struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Handler string  `json:"handler"`
	Service string  `json:"service"`
	Rate    float64 `json:"rate"` // over the time of a look at the graph
}

// newRates are those of differences of counters.
func newRates(of map[stats.Outcome]float64) rates {
	exported := of[stats.Exported] + of[stats.Stored]
	// The admitted ones are those that a node emitted and those that came in.
	emitted := max(0, of[stats.Admitted]-of[stats.Imported])
	return rates{
		Local: tenths(max(0, emitted-exported)), Exported: tenths(exported), Imported: tenths(of[stats.Imported]),
		Handled: tenths(of[stats.Handled]), Retried: tenths(of[stats.Retried]), Shed: tenths(of[stats.Shed]),
		Refused: tenths(of[stats.Refused]), Failed: tenths(of[stats.Failed]), Lost: tenths(of[stats.Lost]),
	}
}

// tenths rounds, so that snapshots are short.
func tenths(rate float64) float64 { return math.Round(10*rate) / 10 }

// withPeers adds the nodes that are only known as ends of links, in the order of names.
func withPeers(nodes []nodeView, links []linkView) []nodeView {
	known := map[string]bool{}
	for _, n := range nodes {
		known[n.Name] = true
	}
	for _, l := range links {
		for _, name := range []string{l.From, l.To} {
			if !known[name] {
				known[name] = true
				nodes = append(nodes, nodeView{Name: name})
			}
		}
	}
	slices.SortFunc(nodes, func(a, b nodeView) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}
