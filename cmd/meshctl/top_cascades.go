package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/cmd/meshctl/internal/traffic"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// happening is what top shows.
type happening struct {
	traffic.Traffic
	topCascades
}

// topCascades are those that meshctl why explains.
type topCascades struct {
	// Slowest is the slowest that each handler, link and cascade took lately, the slowest first.
	Slowest []nodeSlowest `json:"slowest,omitempty"`
	// Worst are the cascades that nodes keep as something went wrong in them, the newest first.
	Worst []why.Summary `json:"worst,omitempty"`

	moreSlowest, moreWorst int // for which the answers had no room
}

// nodeSlowest is the slowest of a node.
type nodeSlowest struct {
	Node string `json:"node"`
	stats.Slowest
}

// cascadesEvery is how often the nodes are asked for cascades at most: they read all that they
// keep.
const cascadesEvery = 2 * time.Second

// cascades asks the nodes. Of one whose version does not have the questions there are none.
func cascades(ctx context.Context, out output, m nodes.Mesh) (c topCascades, failed error) {
	slowest, failed := topPages[stats.Slowest](ctx, out, m, "slowest")
	for _, s := range slowest {
		for _, slow := range s.what.List {
			c.Slowest = append(c.Slowest, nodeSlowest{s.Answer.Node, slow})
		}
		c.moreSlowest += s.what.More
	}
	slices.SortStableFunc(c.Slowest, func(a, b nodeSlowest) int { return cmp.Compare(b.Took, a.Took) })
	worst, err := topPages[why.Summary](ctx, out, m, "kept")
	for _, s := range worst {
		if s.what.Damaged != "" { // no failure: what can be read is shown
			out.complain(s.Node, errors.New(s.what.Damaged))
		}
		c.Worst = append(c.Worst, s.what.List...)
		c.moreWorst += s.what.More
	}
	c.Worst = why.JoinSummaries(c.Worst...)
	return c, cmp.Or(failed, err)
}

// topPage is the beginning of a list that a node answers.
type topPage[T any] struct {
	List    []T
	More    int
	Damaged string // what cannot be read
}

// topPages asks all nodes for the first of a list.
func topPages[T any](ctx context.Context, out output, m nodes.Mesh, question string) ([]said[topPage[T]], error) {
	answers := slices.DeleteFunc(m.Ask(ctx, question, nil), func(a nodes.Answer) bool { return nodes.IsUnknown(a.Err) })
	return understand[topPage[T]](out, answers)
}

func (c topCascades) slowestTable() show.Table {
	t := show.Table{Head: []string{"TOOK", "NODE", "FOR", "TYPE", "PLACE", "AT", "ROOT"}}
	for _, s := range c.Slowest {
		place := s.Place
		if s.Peer != "" {
			place = "link from " + s.Peer
		}
		t.Add(s.Took.Round(time.Microsecond).String(), s.Node, string(s.Of), s.Type, place, timeText(s.At), s.Root.String())
	}
	return t
}

func (c topCascades) worstTable() show.Table {
	t := show.Table{Head: []string{"WENT WRONG", "BEGAN WITH", "KEY", "TYPE", "OUTCOME", "PLACE", "NODE", "ERROR OR RULE", "ROOT"}}
	for _, s := range c.Worst {
		w := s.Worst
		t.Add(timeText(time.Unix(0, s.Until)), s.Began, s.Key, w.Type, string(w.Outcome), w.Place, w.Node, cmp.Or(w.Error, w.Rule), s.Root.String())
	}
	return t
}
