package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/stats"
)

type nodesCommand struct {
	target
	printed
}

// Help is shown by meshctl nodes --help.
func (nodesCommand) Help() string {
	return `The clock is that of the node less that of this machine. It is measured with the answer, and so
known only as well as the answer was quick. HEALTH also names what meshctl cut has cut there, with until
when.

  meshctl nodes
  meshctl nodes -f configs/clue.yaml -f configs/score.yaml -o json

The exit code is 1 if a node did not answer. Whether all is well says meshctl doctor.`
}

// nodeRow is a node in the list.
type nodeRow struct {
	Node    string    `json:"node"`
	Version string    `json:"version,omitempty"`
	Wire    int       `json:"wire,omitempty"`
	UpSince time.Time `json:"up_since,omitzero"`
	// Health is "ready", "not ready", or "unknown" of a node that does not say.
	Health   string   `json:"health"`
	Problems []string `json:"problems,omitempty"`
	Others   []string `json:"others,omitempty"`
	// Cuts are what somebody cut there, each with until when.
	Cuts []string `json:"cuts,omitempty"`
	// Clock is by how much the node's clock is ahead of this machine's, ClockWithin how far off
	// that may be; in nanoseconds.
	Clock       time.Duration `json:"clock"`
	ClockWithin time.Duration `json:"clock_within"`
	// Links counts those that are to be up.
	LinksUp int   `json:"links_up"`
	Links   int   `json:"links"`
	Waiting int64 `json:"waiting"`
	Letters int   `json:"letters"`
}

// Run lists the nodes.
func (c nodesCommand) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	counters, failed := askAll[stats.Stats](ctx, out, m, "stats")
	health := map[string]nodes.Answer{}
	for _, a := range m.Ask(ctx, "health", nil) {
		health[a.Node] = a
		if errors.Is(a.Err, nodes.ErrInterrupted) {
			failed = errInterrupted
		}
	}
	cut := cuts(ctx, m)
	rows := []nodeRow{}
	told := whats(counters)
	for _, s := range counters {
		row := nodeRow{Node: s.Node, Waiting: s.what.Waiting, Letters: s.what.Letters.Count}
		row.Clock, row.ClockWithin = s.Clock(s.what.At)
		for _, l := range s.what.Links {
			switch stats.StatusOf(s.Node, l, told) {
			case stats.LinkUp:
				row.LinksUp++
				row.Links++
			case stats.LinkDown:
				row.Links++
			}
		}
		row.healthy(health[s.Node])
		for _, f := range checkup.Cuts(s.Node, cut[s.Node].places, s.what.Changes) {
			row.Cuts = append(row.Cuts, f.Problem)
		}
		rows = append(rows, row)
	}
	return list(out, c.Output, rows, func() show.Table { return nodesTable(rows) }, failed)
}

// healthy adds what the node says of its health.
func (r *nodeRow) healthy(a nodes.Answer) {
	var h stats.NodeHealth
	switch err := a.Decode(&h); {
	case err != nil:
		r.Health = "unknown"
		if !nodes.IsUnknown(err) { // else its version does not have the question
			r.Problems = []string{err.Error()}
		}
	case h.Ready:
		r.Health = "ready"
	default:
		r.Health = "not ready"
	}
	if h.Node != "" {
		r.Version, r.Wire, r.UpSince, r.Problems, r.Others = h.Version, h.Wire, h.UpSince, h.Problems, h.Others
	}
}

func nodesTable(rows []nodeRow) show.Table {
	t := show.Table{Head: []string{"NODE", "VERSION", "UP SINCE", "HEALTH", "LINKS", "WAITING", "LETTERS", "CLOCK"}, None: "No node answered."}
	for _, r := range rows {
		health := r.Health
		if problems := slices.Concat(r.Problems, r.Others, r.Cuts); len(problems) > 0 {
			health += ": " + strings.Join(problems, "; ")
		}
		t.Add(r.Node, cmp.Or(r.Version, "unknown"), timeText(r.UpSince), health, fmt.Sprintf("%d/%d up", r.LinksUp, r.Links),
			strconv.FormatInt(r.Waiting, 10), strconv.Itoa(r.Letters), clockText(r.Clock, r.ClockWithin))
	}
	return t
}

// timeText is a time for people.
func timeText(at time.Time) string {
	if at.IsZero() {
		return "unknown"
	}
	return at.UTC().Format(time.DateTime)
}

// clockText is a difference of clocks for people: "+1.2s", or "same" where it cannot be told from
// none.
func clockText(difference, within time.Duration) string {
	if difference.Abs() <= within {
		return fmt.Sprintf("same ±%v", within.Round(10*time.Microsecond))
	}
	sign := map[bool]string{true: "+"}[difference > 0]
	return fmt.Sprintf("%s%v ±%v", sign, difference.Round(time.Millisecond), within.Round(10*time.Microsecond))
}
