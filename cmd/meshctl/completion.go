package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"leafmesh/cmd/meshctl/internal/completion"
	"leafmesh/cmd/meshctl/internal/contexts"
	"leafmesh/cmd/meshctl/internal/show"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Which: ${enum}."`
}

// Help is shown by meshctl completion --help.
func (completionCommand) Help() string {
	return `Put the line for your shell into the file that it reads at its start:

  source <(meshctl completion bash)     # ~/.bashrc
  source <(meshctl completion zsh)      # ~/.zshrc, behind compinit
  meshctl completion fish | source      # ~/.config/fish/config.fish`
}

// Run prints the script.
func (c completionCommand) Run(out output) error {
	_, err := fmt.Fprint(out.results, completion.Script(c.Shell))
	return err
}

// completeCommand is what the scripts of shells run.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words behind meshctl up to the cursor, behind --."`
}

// Help is shown by meshctl complete --help.
func (completeCommand) Help() string {
	return "The scripts of meshctl completion run it. A line has a word, a tab and its help.\n\n  meshctl complete -- letters re"
}

// Run prints what the last word may become.
func (c completeCommand) Run(out output, parser *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	for _, found := range completion.Candidates(parser.Model.Node, words, known) {
		help, _, _ := strings.Cut(found.Help, ". ")
		if _, err := fmt.Fprintf(out.results, "%s\t%s\n", found.Word, show.Printable(help)); err != nil {
			return err
		}
	}
	return nil
}

// known gives the words for flags and arguments that no enum has. Completion is a help: without
// contexts there are none.
func known(name string) (words []string) {
	if name != "context" && name != "mesh" {
		return nil
	}
	path, err := contexts.Path()
	if err != nil {
		return nil
	}
	book, err := contexts.Load(path)
	if err != nil {
		return nil
	}
	for _, c := range book.Contexts {
		words = append(words, c.Name)
	}
	return words
}
