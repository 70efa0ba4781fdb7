package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/stats"
)

type linksCommand struct {
	target
	printed
	Down bool `help:"Only links that are down."`
}

// Help is shown by meshctl links --help.
func (linksCommand) Help() string {
	return `A link is directed: the importer dials the exporter. Each end tells of it, so a link between two
nodes that are asked stands there twice. One by which a peer may import, and imports nothing, is
unused and not down. The clock is that of the peer less that of the node.

  meshctl links
  meshctl links --down -o json

The exit code is 1 if a node did not answer or a link is down.`
}

// linkRow is a link as one of its ends sees it.
type linkRow struct {
	Node string `json:"node"`
	stats.Link
	// State is "up", "down", "unused" if the peer imports nothing here, or "unknown" if the peer
	// has not dialed and was not heard of whether it is to.
	State stats.LinkStatus `json:"state"`
	// Clock is by how much the peer's clock is ahead, ClockWithin how far off that may be, in
	// nanoseconds; both 0 if the peer was not asked.
	Clock       time.Duration `json:"clock,omitempty"`
	ClockWithin time.Duration `json:"clock_within,omitempty"`
	// Why says why the link is not up.
	Why string `json:"why,omitempty"`
}

// Run lists the links.
func (c linksCommand) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	answers := m.Ask(ctx, "stats", nil)
	all, failed := understand[stats.Stats](out, answers)
	rows := linkRows(all, answers)
	if c.Down {
		rows = slices.DeleteFunc(rows, func(r linkRow) bool { return r.State != stats.LinkDown })
	}
	if err := list(out, c.Output, rows, func() show.Table { return linksTable(rows) }, failed); err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(r linkRow) bool { return r.State == stats.LinkDown }) {
		return errReported
	}
	return nil
}

// linkRows lists the links of nodes with what the answers tell of their peers.
func linkRows(all []said[stats.Stats], answers []nodes.Answer) []linkRow {
	rows := []linkRow{}
	told := whats(all)
	for _, s := range all {
		for _, l := range s.what.Links {
			row := linkRow{Node: s.Node, Link: l, State: stats.StatusOf(s.Node, l, told)}
			if at := slices.IndexFunc(all, func(other said[stats.Stats]) bool { return other.Node == l.Peer }); at >= 0 {
				row.Clock, row.ClockWithin = apart(s, all[at])
			}
			switch row.State {
			case stats.LinkUnused:
				row.Why = l.Peer + " imports nothing from " + s.Node
			case stats.LinkDown, stats.LinkUnknown:
				row.Why = cmp.Or(l.Why, whyDown(s.what, l, answers))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// apart is by how much the clock of b is ahead of that of a.
func apart(a, b said[stats.Stats]) (difference, within time.Duration) {
	ofA, withinA := a.Clock(a.what.At)
	ofB, withinB := b.Clock(b.what.At)
	return ofB - ofA, withinA + withinB
}

// whyDown says what is known of why a link is down, of which its node does not say it: that the
// peer is missed, what its import says, that the peer itself does not answer, or where to look.
func whyDown(s stats.Stats, l stats.Link, answers []nodes.Answer) string {
	if l.Missed {
		return l.Peer + " imports from this node, and is not linked"
	}
	for _, i := range s.DurableImports {
		if i.Peer == l.Peer && i.Problem != "" && l.Direction != "exports" {
			return i.Problem
		}
	}
	for _, a := range answers {
		if a.Node == l.Peer && a.Err != nil {
			return l.Peer + ": " + a.Err.Error()
		}
	}
	if l.Direction != "exports" {
		return "not known here: the log of " + s.Node + " says why it cannot dial " + l.Peer
	}
	return "not known here: " + l.Peer + " has not dialed; it was not asked whether it imports anything, or its log says why not"
}

func linksTable(rows []linkRow) show.Table {
	t := show.Table{Head: []string{"NODE", "", "PEER", "STATE", "MESSAGES", "BYTES", "CLOCK", "WHY"}, None: "No links."}
	for _, r := range rows {
		arrow, messages, bytes := "imports from", r.MessagesIn, r.BytesIn
		if r.Direction != "imports" {
			arrow, messages, bytes = "exports to", r.MessagesOut, r.BytesOut
		}
		clock := ""
		if r.ClockWithin > 0 {
			clock = clockText(r.Clock, r.ClockWithin)
		}
		why := r.Why
		if when := checkup.SinceWhen(r.Link); r.State == stats.LinkDown && when != "" {
			why = when + ": " + why
		}
		t.Add(r.Node, arrow, r.Peer, string(r.State),
			strconv.FormatUint(messages, 10), sizeText(bytes), cmp.Or(clock, "unknown"), why)
	}
	return t
}

// sizeText is a number of bytes for people.
func sizeText(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f := float64(n)
	for _, unit := range units {
		if f < 1024 || unit == units[len(units)-1] {
			return strconv.FormatFloat(f, 'f', map[bool]int{true: 0, false: 1}[unit == "B"], 64) + " " + unit
		}
		f /= 1024
	}
	return ""
}
