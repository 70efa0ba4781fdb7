package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"leafmesh/cmd/meshctl/internal/checkup"
	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

type doctorCommand struct {
	target
	Output    show.Format `short:"o" enum:"text,json,yaml" default:"text" help:"How to print it: ${enum}."`
	Ignore    []string    `placeholder:"CHECK" help:"Leave out the check of this name, as JSON has it. Repeat it for several."`
	NoSecrets bool        `help:"Do not ask for the files and environment variables of secrets and keys to be there."`
	Files     []string    `arg:"" optional:"" name:"node-file" help:"Judge these node files together, and ask nobody."`
}

// Help is shown by meshctl doctor --help.
func (doctorCommand) Help() string {
	return `It asks the nodes and judges what they say: whether all answer, are linked, run one version and have one
time, whether anybody takes what is kept or exported, and what was lost or is full. Node files that are
named by --file or in the context are judged together, too: keys, rights, payload limits. Each finding
has its remedy below it. A note says what is well, and may all the same not be meant.

  meshctl doctor
  meshctl doctor --ignore unused-exports --ignore letters
  meshctl doctor configs/clue.yaml configs/hunt.yaml configs/score.yaml

The exit code is 1 if there is a finding. A note is none, and what could not be looked at, which has a
question mark, is none.`
}

// Run looks at everything, and prints it.
func (c doctorCommand) Run(ctx context.Context, out output) error {
	checks, err := c.checks(ctx)
	if err != nil {
		return err
	}
	for _, name := range c.Ignore {
		if !slices.ContainsFunc(checks, func(check checkup.Check) bool { return check.Name == name }) {
			var names []string
			for _, check := range checks {
				names = append(names, check.Name)
			}
			return fmt.Errorf("there is no check %.80q to ignore: there are %s", name, strings.Join(names, ", "))
		}
	}
	checks = slices.DeleteFunc(checks, func(check checkup.Check) bool { return slices.Contains(c.Ignore, check.Name) })
	if c.Output == "text" {
		err = printChecks(out, checks)
	} else {
		err = c.Output.Write(out.results, checks, nil)
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(checks, func(check checkup.Check) bool { return len(check.Findings) > 0 }) {
		return errReported
	}
	return nil
}

func (c doctorCommand) checks(ctx context.Context) ([]checkup.Check, error) {
	if len(c.Files) > 0 {
		if len(c.File)+len(c.Server) > 0 || c.Context != "" || c.Operator != "" {
			return nil, errors.New("node files without a flag are judged alone, and nobody is asked: give them with --file to ask their nodes, too")
		}
		return checkup.Files(c.read(c.Files)), nil
	}
	at, err := c.find()
	if err != nil {
		return nil, err
	}
	m, err := c.mesh()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	files := c.read(at.files)
	asked := patients(ctx, m)
	if ctx.Err() != nil {
		return nil, errInterrupted // what is judged now would blame who had no time to answer
	}
	checks := checkup.Mesh(asked, checkup.Named(files)...)
	if len(files) == 0 {
		return checks, nil
	}
	for _, of := range checkup.Files(files) {
		isAsked := func(check checkup.Check) bool { return check.Name == of.Name }
		if !slices.ContainsFunc(checks, isAsked) { // else it is for the nodes to say, who know more than files
			checks = append(checks, of)
		}
	}
	return checks, nil
}

// read reads node files.
func (c doctorCommand) read(paths []string) (files []checkup.File) {
	for _, path := range paths {
		f := checkup.File{Path: path}
		f.Problems, _ = checkCommand{NoSecrets: c.NoSecrets}.check(path)
		var err error
		f.Node, err = nodeOf(path)
		f.Unread = err != nil // which is one of its problems
		files = append(files, f)
	}
	return files
}

// patients asks the nodes all that is judged.
func patients(ctx context.Context, m nodes.Mesh) (list []checkup.Node) {
	graphs, health := map[string]nodes.Answer{}, map[string]nodes.Answer{}
	for _, a := range m.Ask(ctx, "graph", nil) {
		graphs[a.Node] = a
	}
	for _, a := range m.Ask(ctx, "health", nil) {
		health[a.Node] = a
	}
	cut, damaged := cuts(ctx, m), damagedOf(m.Ask(ctx, "kept", nil))
	for _, a := range m.Ask(ctx, "stats", nil) {
		n := checkup.Node{Name: a.Node}
		var s stats.Stats
		var g graph.Graph
		var h stats.NodeHealth
		if n.Err = a.Decode(&s); n.Err == nil {
			n.Err = graphs[a.Node].Decode(&g)
		}
		n.Stats, n.Graph = s, g
		n.Clock, n.ClockWithin = a.Clock(s.At)
		if at, told := health[a.Node]; told && n.Err == nil {
			switch err := at.Decode(&h); {
			case err == nil:
				n.Health = &h
			case !nodes.IsUnknown(err):
				n.Err = err
			}
		}
		n.Cuts, n.CutsUnknown = cut[a.Node].places, cut[a.Node].unknown
		n.Damaged = damaged[a.Node]
		list = append(list, n)
	}
	return list
}

// damagedOf says what nodes cannot read of the cascades that they kept. One that does not answer is
// told of by the other questions, and one of an older version does not have this one.
func damagedOf(answers []nodes.Answer) map[string]string {
	damaged := map[string]string{}
	for _, a := range answers {
		var page topPage[why.Summary]
		if err := a.Decode(&page); err == nil {
			damaged[a.Node] = page.Damaged
		}
	}
	return damaged
}

// marks begin the line of a check: well, well with a note, not well, not known.
var marks = map[string]string{"well": "√", "noted": "i", "found": "×", "skipped": "?"}

// colours are those of marks on a screen.
var colours = map[string]string{"well": "\x1b[32m", "noted": "\x1b[32m", "found": "\x1b[31m", "skipped": "\x1b[33m"}

func printChecks(out output, checks []checkup.Check) error {
	var text strings.Builder
	findings, skipped := 0, 0
	for _, c := range checks {
		state := "well"
		switch {
		case len(c.Findings) > 0:
			state = "found"
		case c.Skipped != "":
			state = "skipped"
		case len(c.Notes) > 0:
			state = "noted"
		}
		mark := marks[state]
		if out.terminal && os.Getenv("NO_COLOR") == "" {
			mark = colours[state] + mark + "\x1b[0m"
		}
		fmt.Fprintf(&text, "%s %s: %s\n", mark, c.Name, c.About)
		findings += len(c.Findings)
		for _, f := range slices.Concat(c.Findings, c.Notes) {
			fmt.Fprintf(&text, "    %s\n      → %s\n", show.Printable(f.Problem), show.Printable(f.Remedy))
		}
		if c.Skipped != "" {
			skipped++
			fmt.Fprintf(&text, "    not known: %s\n", show.Printable(c.Skipped))
		}
	}
	switch {
	case findings > 0:
		fmt.Fprintf(&text, "\n%d to look at.\n", findings)
	case skipped > 0:
		text.WriteString("\nNothing is found, but not all could be looked at.\n")
	default:
		text.WriteString("\nAll is well.\n")
	}
	_, err := fmt.Fprint(out.results, text.String())
	return err
}
