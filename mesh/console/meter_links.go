package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"leafmesh/mesh/stats"
)

// exports is the direction of a link that a peer reads from.
const exports = "exports"

// linksOf lists the links that nodes tell of. Both ends tell of one: it is down if one of them says
// so, and the importer's count of what came is believed.
func linksOf(answers []Answer[stats.Stats], rate func(node string, l stats.Link) float64) []linkView {
	type ends struct{ from, to string }
	var told []stats.Stats
	for _, a := range answers {
		if a.Err == nil {
			told = append(told, a.Value)
		}
	}
	found := map[ends]linkView{}
	for _, s := range told {
		for _, l := range s.Links {
			at := ends{l.Peer, s.Node}
			if l.Direction == exports {
				at = ends{s.Node, l.Peer}
			}
			known, isKnown := found[at]
			view := linkView{From: at.from, To: at.to, State: stats.StatusOf(s.Node, l, told), Rate: rate(s.Node, l)}
			if known.State == stats.LinkDown {
				view.State = stats.LinkDown
			}
			if isKnown && l.Direction == exports {
				view.Rate = known.Rate
			}
			found[at] = view
		}
	}
	links := make([]linkView, 0, len(found))
	links = slices.AppendSeq(links, maps.Values(found))
	slices.SortFunc(links, func(a, b linkView) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return links
}
