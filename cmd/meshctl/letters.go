package main

import (
	"context"

	"leafmesh/cmd/meshctl/internal/show"
)

type lettersCommand struct {
	List   lettersList   `cmd:"" default:"withargs" help:"List them (the default)."`
	Show   lettersShow   `cmd:"" help:"Show one with its value."`
	Replay lettersReplay `cmd:"" help:"Give their events to the handlers once more."`
	Drop   lettersDrop   `cmd:"" help:"Delete them."`
}

// Help is shown by meshctl letters --help.
func (lettersCommand) Help() string {
	return `A dead letter is an event that a handler gave up. A node keeps those of durable imports until they are
replayed or dropped, and with "letters: all" in its file those of all other events, too.

  meshctl letters
  meshctl letters show 01a224dad3957176b34f3e953e4325c0-0123456789abcdef
  meshctl letters replay --handler award --dry-run`
}

type lettersList struct {
	target
	printed
	letterFilter
}

// Help is shown by meshctl letters list --help.
func (lettersList) Help() string {
	return `The list has where each letter came from, its key and the error. meshctl why takes the letter's key.

  meshctl letters -f configs/score.yaml
  meshctl letters list --type 'clue.>' --older 1h -o json

The exit code is 1 if a node did not answer, or has letters that cannot be read.`
}

// Run lists the letters.
func (c lettersList) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	all, failed := allLetters(ctx, out, m, c.Node)
	meant := c.of(all)
	return list(out, c.Output, meant, func() show.Table { return lettersTable(meant) }, failed)
}
