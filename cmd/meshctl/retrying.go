package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/cause"
)

type retryingCommand struct {
	target
	printed
}

// Help is shown by meshctl retrying --help.
func (retryingCommand) Help() string {
	return `It lists the events that a handler failed and will get again: the next to come first. What was given
up for good is in meshctl letters. A handler that is cut gets nothing, and so fails nothing: standard
error names it.

  meshctl retrying
  meshctl retrying -o json | jq '.[] | select(.key == "otters")'`
}

// retried is an event that failed and comes again.
type retried struct {
	Type    string    `json:"type"`
	Key     string    `json:"key,omitempty"`
	Handler string    `json:"handler"`
	Event   cause.ID  `json:"event"`
	Root    cause.ID  `json:"root"`
	Try     int       `json:"try"`
	Of      int       `json:"of"`
	NextAt  time.Time `json:"next_at"`
	Error   string    `json:"error"`
}

// retryingRow is one with its node.
type retryingRow struct {
	Node string `json:"node"`
	retried
}

// Run lists the events.
func (c retryingCommand) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	rows, failed := allRetrying(ctx, out, m)
	tellCuts(ctx, out, m)
	return list(out, c.Output, rows, func() show.Table { return retryingTable(rows) }, failed)
}

// allRetrying asks all nodes, as often as it takes: an answer has what a message has room for. What
// changes between two pages may be missing, or is left out where it came twice.
func allRetrying(ctx context.Context, out output, m nodes.Mesh) (rows []retryingRow, failed error) {
	rows = []retryingRow{}
	type once struct {
		node, handler string
		event         cause.ID
	}
	seen, failing := map[once]bool{}, map[string]bool{}
	for skip, fresh := 0, true; fresh; {
		answers := m.Ask(ctx, "retrying", strconv.AppendInt(nil, int64(skip), 10))
		answers = slices.DeleteFunc(answers, func(a nodes.Answer) bool { return failing[a.Node] })
		for _, a := range answers {
			failing[a.Node] = a.Err != nil // it is reported below
		}
		pages, err := understand[[]retried](out, answers)
		if err != nil {
			failed = err
		}
		fresh = false
		shortest := 0
		for _, p := range pages {
			for _, r := range p.what {
				key := once{p.Node, r.Handler, r.Event}
				if !seen[key] {
					seen[key], fresh = true, true
					rows = append(rows, retryingRow{p.Node, r})
				}
			}
			if n := len(p.what); n > 0 && (shortest == 0 || n < shortest) {
				shortest = n
			}
		}
		skip += shortest
	}
	slices.SortStableFunc(rows, func(a, b retryingRow) int { return a.NextAt.Compare(b.NextAt) })
	return rows, failed
}

func retryingTable(rows []retryingRow) show.Table {
	t := show.Table{Head: []string{"NODE", "NEXT AT", "TRY", "TYPE", "KEY", "HANDLER", "ERROR", "EVENT"}, None: "Nothing fails and comes again."}
	for _, r := range rows {
		t.Add(r.Node, r.NextAt.UTC().Format(time.DateTime), fmt.Sprintf("%d of %d", r.Try, r.Of), r.Type, r.Key, r.Handler, r.Error, r.Event.String())
	}
	return t
}
