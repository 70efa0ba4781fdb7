package main

import (
	"context"
	"fmt"
	"strings"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/cause"
	"leafmesh/mesh/why"
)

type whyCommand struct {
	target
	Output show.Format `short:"o" enum:"text,json,yaml" default:"text" help:"How to print it: ${enum}."`
	What   []string    `arg:"" name:"id" help:"An event's or root's id, a letter's key, or a whole line of a log."`
}

// Help is shown by meshctl why --help.
func (whyCommand) Help() string {
	return `It prints the cascade as a tree: who caused what, on which node, how long it waited and took,
what was refused, which handler failed with what and how often, and where it is now. What is not
known is shown, with the reason. Ask a node that the cascade went over, or any one with --operator: it
asks the others over its links.

  meshctl why -f configs/clue.yaml -f configs/score.yaml 0199b2c4-1234-7abc-8def-0123456789ab
  meshctl why -f configs/score.yaml "$(grep 'handler failed' score.log | tail -1)"

The exit code is 1 if no node knows the event, or if one could not be asked. It is 0 if a node cannot
read all that it kept, as of a damaged file: that is among what is not known.`
}

// Run explains the event.
func (c whyCommand) Run(ctx context.Context, out output) error {
	ids := why.IDs(strings.Join(c.What, " "))
	if len(ids) == 0 {
		return fmt.Errorf("%.80q has no event's id in it, which looks like 0199b2c4-1234-7abc-8def-0123456789ab", strings.Join(c.What, " "))
	}
	at, err := c.find()
	if err != nil {
		return err
	}
	var all nodes.Mesh // by whom an operator's questions are answered
	if at.operator != "" {
		if all, err = at.mesh(); err != nil {
			return err
		}
		defer all.Close()
	}
	x, failed := explain(ctx, ids, at.taps, all)
	if c.Output == "text" {
		_, err = fmt.Fprint(out.results, x)
	} else {
		err = c.Output.Write(out.results, x, nil)
	}
	if err == nil && (failed || !x.Found) {
		err = errReported
	}
	return err
}

// explain asks the nodes, and reports whether one did not answer. all is nil without an operator.
// With one, the taps are asked and all nodes as well: a node may know no operators and yet tell its
// neighbours, and another one may have taken no part in what the neighbours of the taps know.
func explain(ctx context.Context, ids []cause.ID, taps []nodes.Tap, all nodes.Mesh) (x why.Explanation, failed bool) {
	reports := why.Follow(ids, func(ids []cause.ID) []why.Report {
		reports := inquireAll(ctx, ids, taps)
		if all != nil {
			reports = append(inquireSigned(ctx, ids, all), reports...)
		}
		return why.Merge(reports...)
	})
	for _, r := range reports {
		failed = failed || r.Problem != ""
	}
	return why.Explain(ids[0], reports...), failed
}

// inquireAll asks all nodes at once. What each says of itself comes before what others say of it.
func inquireAll(ctx context.Context, ids []cause.ID, taps []nodes.Tap) (reports []why.Report) {
	answers := make(chan []why.Report)
	for _, t := range taps {
		go func() { answers <- inquire(ctx, t, ids) }()
	}
	var others []why.Report
	for range taps {
		answer := <-answers
		reports, others = append(reports, answer[0]), append(others, answer[1:]...)
	}
	return append(reports, others...)
}

// inquireSigned asks all nodes, as an operator, what each recorded itself, as often as it takes
// until all have said all. Pages that come twice are merged.
func inquireSigned(ctx context.Context, ids []cause.ID, all nodes.Mesh) (reports []why.Report) {
	for skip := 0; skip >= 0; {
		next := -1
		for _, a := range all.Ask(ctx, "why", question(ids, skip)) {
			var page why.Answer
			if err := a.Decode(&page); err != nil {
				reports = append(reports, why.Report{Node: a.Node, Problem: err.Error()})
				continue
			}
			reports = append(reports, page.Reports...)
			if end := skip + page.Size; page.More > 0 && page.Size > 0 && (next < 0 || end < next) {
				next = end
			}
		}
		skip = next
	}
	return reports
}

// question asks for cascades, and how much of the answer to leave out.
func question(ids []cause.ID, skip int) []byte {
	var names []string
	for _, id := range ids {
		names = append(names, id.String())
	}
	return fmt.Appendf(nil, "%s %d", strings.Join(names, " "), skip)
}

// inquire asks a node what it and others recorded of some cascades, as often as it takes until it
// has said all.
func inquire(ctx context.Context, t nodes.Tap, ids []cause.ID) (reports []why.Report) {
	conn, err := t.Connect(ctx)
	if err != nil {
		return []why.Report{{Node: t.Title(), Problem: err.Error()}}
	}
	defer conn.Close()
	for skip := 0; ; {
		var page why.Answer
		data, err := nodes.Ask(ctx, conn, "why", question(ids, skip))
		if err := (nodes.Answer{Data: data, Err: err}).Decode(&page); err != nil {
			return append([]why.Report{{Node: t.Title(), Problem: err.Error()}}, reports...)
		}
		reports = append(reports, page.Reports...)
		skip += page.Size
		if page.More == 0 || page.Size == 0 {
			return reports
		}
	}
}
