package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/mesh/stats"
)

// cutsOf is what is cut on a node, or why that is not known.
type cutsOf struct {
	places  []stats.Place
	unknown string
}

// cuts asks the nodes for the places that are cut, as often as it takes until all have told all.
func cuts(ctx context.Context, m nodes.Mesh) map[string]cutsOf {
	all, have := map[string]cutsOf{}, map[string]int{}
	for skip := 0; skip >= 0; {
		next := -1
		for _, a := range m.Ask(ctx, "places", strconv.AppendInt(nil, int64(skip), 10)) {
			of := all[a.Node]
			var page topPage[stats.Place]
			if err := a.Decode(&page); err != nil {
				of.unknown = err.Error()
				if nodes.IsUnknown(err) {
					of.unknown = "it runs an older version"
				}
				all[a.Node] = of
				continue
			}
			fresh := page.List[min(max(0, have[a.Node]-skip), len(page.List)):] // others may need a page that begins earlier
			have[a.Node] += len(fresh)
			for _, p := range fresh {
				if p.Cut {
					of.places = append(of.places, p)
				}
			}
			all[a.Node] = of
			if page.More > 0 && len(page.List) > 0 && (next < 0 || have[a.Node] < next) {
				next = have[a.Node]
			}
		}
		skip = next
	}
	return all
}

// tellCuts names what is cut on the nodes, for whoever wonders why nothing comes.
func tellCuts(ctx context.Context, out output, m nodes.Mesh) {
	cut := cuts(ctx, m)
	if !slices.ContainsFunc(slices.Collect(maps.Values(cut)), func(of cutsOf) bool { return len(of.places) > 0 }) {
		return
	}
	for _, a := range m.Ask(ctx, "stats", nil) {
		var s stats.Stats // who does not answer does not say until when
		_ = a.Decode(&s)
		for _, f := range checkup.Cuts(a.Node, cut[a.Node].places, s.Changes) {
			out.complain(a.Node, errors.New(f.Problem+"; "+f.Remedy))
		}
	}
}
