package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
)

// cutChange says what is to get no events of a type, or get them again.
type cutChange struct {
	target
	Type    string   `arg:"" help:"The event type."`
	Handler string   `xor:"place" help:"The handler that gets no events of the type."`
	Export  bool     `xor:"place" help:"No events of the type leave the node."`
	Node    []string `help:"Only on this node. Repeat it for several. Without it, on all that have the handler or the export."`
	For     span     `placeholder:"DURATION" help:"Undo it after this: 10m."`
}

// run asks the nodes. Where no nodes are named, those that do not have the place are left out.
func (c cutChange) run(ctx context.Context, out output, question, done string) error {
	if c.Handler == "" && !c.Export {
		return errors.New("what is meant? Give --handler with its name, or --export")
	}
	body := map[string]string{"type": c.Type}
	place := "the export"
	if c.Export {
		body["place"] = "export"
	} else {
		body["handler"], place = c.Handler, "handler "+c.Handler
	}
	if c.For > 0 {
		body["for"] = c.For.String()
		done += " for " + c.For.String()
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the question: %w", err)
	}
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	var answers []nodes.Answer
	for _, node := range c.Node {
		answers = append(answers, m.AskOne(ctx, node, question, data))
	}
	if len(c.Node) == 0 {
		answers = m.Ask(ctx, question, data)
	}
	elsewhere, failed := errors.New("no node answered"), error(nil)
	count := 0
	for _, a := range answers {
		switch {
		case a.Err == nil:
			count++
			if _, err := fmt.Fprintf(out.results, "%s: %s of %s is %s.\n", a.Node, show.Printable(place), show.Printable(c.Type), done); err != nil {
				return err
			}
		case nodes.IsUnknown(a.Err) && len(c.Node) == 0:
			elsewhere = fmt.Errorf("%s: %w", a.Node, a.Err)
		default:
			out.complain(a.Node, a.Err)
			failed = errReported
		}
	}
	if count == 0 && failed == nil {
		return fmt.Errorf("no node has %s of %s: %w", place, c.Type, elsewhere)
	}
	return failed
}

type cutCommand struct{ cutChange }

// Help is shown by meshctl cut --help.
func (cutCommand) Help() string {
	return `What is in the handler's queue is still handled. Events that come are dropped there, and counted as shed
by the rule "cut"; all other handlers get them. Events of a durable import are not lost: they go back to
the outbox that they came from, and come again until the handler takes them. meshctl doctor lists what
is cut, and until when.

  meshctl cut clue.clue.solved --handler award --for 10m
  meshctl cut clue.clue.solved --handler award --node score-1
  meshctl cut score.leaderboard.changed --export`
}

// Run cuts.
func (c cutCommand) Run(ctx context.Context, out output) error { return c.run(ctx, out, "cut", "cut") }

type restoreCommand struct{ cutChange }

// Help is shown by meshctl restore --help.
func (restoreCommand) Help() string {
	return `It undoes meshctl cut. What was dropped does not come back, but events of durable imports do: they wait
in the outbox that they came from, and come again by themselves.

  meshctl restore clue.clue.solved --handler award
  meshctl restore score.leaderboard.changed --export --node score-1`
}

// Run restores.
func (c restoreCommand) Run(ctx context.Context, out output) error {
	return c.run(ctx, out, "restore", "restored")
}
