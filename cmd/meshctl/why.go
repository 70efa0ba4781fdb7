package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

type whyCommand struct {
	taps
	Output string   `short:"o" enum:"text,json" default:"text" help:"How to print it: ${enum}."`
	What   []string `arg:"" passthrough:"" name:"id" help:"An event's or root's id, a letter's key, or a whole line of a log."`
}

// Help is shown by meshctl why --help.
func (whyCommand) Help() string {
	return `It prints the cascade as a tree: who caused what, on which node, how long it waited and took,
what was refused, which handler failed with what and how often, and where it is now. What is not
known is shown, with the reason. Ask all nodes that the cascade went over to see all of it.

  meshctl why -f configs/clue.yaml -f configs/score.yaml 0199b2c4-1234-7abc-8def-0123456789ab
  meshctl why -f configs/score.yaml "$(grep 'handler failed' score.log | tail -1)"

The exit code is 1 if no node knows the event, or if one could not be asked.`
}

// Run explains the event.
func (c whyCommand) Run(out output) error {
	ids := why.IDs(strings.Join(c.What, " "))
	if len(ids) == 0 {
		return fmt.Errorf("%.80q has no event's id in it, which looks like 0199b2c4-1234-7abc-8def-0123456789ab", strings.Join(c.What, " "))
	}
	taps, err := c.all()
	if err != nil {
		return err
	}
	x, failed := explain(ids, taps)
	if c.Output == "json" {
		encoder := json.NewEncoder(out.results)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(x)
	} else {
		_, err = fmt.Fprint(out.results, x)
	}
	if err == nil && (failed || !x.Found) {
		err = errReported
	}
	return err
}

// explain asks all nodes, and reports whether one could not be asked.
func explain(ids []cause.ID, taps []tap) (x why.Explanation, failed bool) {
	reports := why.Follow(ids, func(ids []cause.ID) []why.Report { return askAll(ids, taps) })
	for _, r := range reports {
		failed = failed || r.Problem != ""
	}
	return why.Explain(ids[0], reports...), failed
}

// askAll asks all nodes at once.
func askAll(ids []cause.ID, taps []tap) (reports []why.Report) {
	answers := make(chan why.Report)
	for _, t := range taps {
		go func() { answers <- t.recall(ids) }()
	}
	for range taps {
		reports = append(reports, <-answers)
	}
	return reports
}

// recall asks a node what it recorded of some cascades, as often as it takes until it has said all.
func (t tap) recall(ids []cause.ID) (r why.Report) {
	conn, err := t.connect()
	if err != nil {
		return why.Report{Node: t.name, Problem: err.Error()}
	}
	defer conn.Close()
	var names []string
	for _, id := range ids {
		names = append(names, id.String())
	}
	for {
		var page why.Report
		if err := ask(conn, "mesh.ops.why", fmt.Sprintf("%s %d", strings.Join(names, " "), len(r.Records)), &page); err != nil {
			r.Node, r.Problem = cmp.Or(r.Node, t.name), err.Error()
			return r
		}
		came := len(page.Records)
		page.Records = append(r.Records, page.Records...)
		r = page
		if r.More == 0 || came == 0 {
			return r
		}
	}
}
