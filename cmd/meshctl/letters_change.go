package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
)

// letterChange says which letters are to be changed.
type letterChange struct {
	target
	letterFilter
	Letter []string `arg:"" optional:"" help:"Letters, by the key that letters list shows. Without one all that the flags say."`
	All    bool     `help:"All letters of all nodes."`
	DryRun bool     `short:"n" help:"Only list which would be."`
}

// run does something with all letters that are meant, one after the other. One that fails holds up
// no other, and is reported.
func (c letterChange) run(ctx context.Context, out output, question, done string) error {
	if len(c.Letter) == 0 && c.isZero() && !c.All {
		return errors.New("which letters? Name some, or say which by --type, --handler, --key, --node or --older, or --all")
	}
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	all, failed := allLetters(ctx, out, m, c.Node)
	chosen, missing := c.named(c.of(all))
	for _, letter := range missing {
		out.complain(letter, errors.New("no node that answered has this letter, or the flags leave it out"))
		failed = errReported
	}
	if c.DryRun {
		return list(out, show.AsTable, chosen, func() show.Table { return lettersTable(chosen) }, failed)
	}
	count := 0
	for _, l := range chosen {
		if ctx.Err() != nil {
			out.complain(l.Node, fmt.Errorf("stopped: %d of %d letters are left as they were", len(chosen)-count, len(chosen)))
			return errReported
		}
		if a := m.AskOne(ctx, l.Node, question, []byte(l.Letter.Key)); a.Err != nil {
			out.complain(l.Node, fmt.Errorf("letter %s of %s, handler %s: %w", l.Letter.Key, l.Type, l.Handler, a.Err))
			failed = errReported
			continue
		}
		count++
	}
	if _, err := fmt.Fprintf(out.results, "%d of %d letters %s.\n", count, len(chosen), done); err != nil {
		return err
	}
	return failed
}

// named keeps the letters whose keys are named, all if none is, and gives the keys that nothing
// has.
func (c letterChange) named(list []nodeLetter) (chosen []nodeLetter, missing []string) {
	if len(c.Letter) == 0 {
		return list, nil
	}
	for _, l := range list {
		if slices.Contains(c.Letter, l.Letter.Key) {
			chosen = append(chosen, l)
		}
	}
	for _, key := range c.Letter {
		if !slices.ContainsFunc(chosen, func(l nodeLetter) bool { return l.Letter.Key == key }) {
			missing = append(missing, key)
		}
	}
	return chosen, missing
}

type lettersReplay struct{ letterChange }

// Help is shown by meshctl letters replay --help.
func (lettersReplay) Help() string {
	return `The handler that gave the event up gets it once more. When it succeeds the letter is gone; when it
fails the letter stays, and its error is printed.

  meshctl letters replay 01a224dad3957176b34f3e953e4325c0-0123456789abcdef
  meshctl letters replay --type score.points.awarded --handler announce --dry-run
  meshctl letters replay --type score.points.awarded --handler announce

The exit code is 0 only if each letter was replayed and its handler succeeded.`
}

// Run replays the letters.
func (c lettersReplay) Run(ctx context.Context, out output) error {
	return c.run(ctx, out, "letter.replay", "replayed")
}

type lettersDrop struct{ letterChange }

// Help is shown by meshctl letters drop --help.
func (lettersDrop) Help() string {
	return `What is dropped is gone for good.

  meshctl letters drop 01a224dad3957176b34f3e953e4325c0-0123456789abcdef
  meshctl letters drop --older 720h --dry-run`
}

// Run drops the letters.
func (c lettersDrop) Run(ctx context.Context, out output) error {
	return c.run(ctx, out, "letter.drop", "dropped")
}

type lettersShow struct {
	target
	Output show.Format `short:"o" enum:"table,json,yaml" default:"table" help:"How to print it: ${enum}."`
	Letter string      `arg:"" help:"The letter's key, as letters list shows it."`
}

// Help is shown by meshctl letters show --help.
func (lettersShow) Help() string {
	return `The value is shown as JSON: fields with their integer keys, bytes as base64.

  meshctl letters show 01a224dad3957176b34f3e953e4325c0-0123456789abcdef
  meshctl letters show -o json 01a224dad3957176b34f3e953e4325c0-0123456789abcdef | jq .value`
}

// Run shows the letter; each of those that several nodes have.
func (c lettersShow) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	shown := []shownLetter{}
	var failed error
	for _, a := range m.Ask(ctx, "letter", []byte(c.Letter)) {
		l := shownLetter{nodeLetter: nodeLetter{Node: a.Node}}
		switch err := a.Decode(&l.Letter); {
		case nodes.IsUnknown(err): // it is another node's
		case err != nil:
			out.complain(a.Node, err)
			failed = errReported
		default:
			shown = append(shown, l.decoded())
		}
	}
	if len(shown) == 0 && failed == nil {
		return fmt.Errorf("no node has letter %.80s: meshctl letters lists them", c.Letter)
	}
	return list(out, c.Output, shown, func() show.Table { return shownTable(shown) }, failed)
}

func shownTable(list []shownLetter) show.Table {
	t := show.Table{Head: []string{"FIELD", "VALUE"}, None: "No letters."}
	for _, l := range list {
		value := string(l.Value)
		if l.Problem != "" {
			value = "not readable: " + l.Problem
		}
		for _, row := range [][2]string{{"letter", l.Letter.Key}, {"node", l.Node}, {"type", l.Type}, {"key", l.EventKey}, {"handler", l.Handler},
			{"error", l.Error}, {l.triesName(), fmt.Sprint(l.Tries)}, {"given up", l.At.UTC().Format("2006-01-02 15:04:05")}, {"from", l.Peer},
			{"event", l.Event.String()}, {"root", l.Root.String()}, {"path", strings.Join(l.Path, " → ")}, {"value", value}} {
			t.Add(row[0], row[1])
		}
	}
	return t
}
