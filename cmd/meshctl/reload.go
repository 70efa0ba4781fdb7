package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"leafmesh/cmd/meshctl/internal/nodes"
	"leafmesh/cmd/meshctl/internal/show"
	"leafmesh/mesh/config"
)

type reloadCommand struct {
	target
	printed
	Node   string `arg:"" help:"The node, by its name: clue-1."`
	DryRun bool   `help:"Change nothing: print what a reload would change, and what of it needs a restart."`
}

// Help is shown by meshctl reload --help.
func (reloadCommand) Help() string {
	return `The node reads its file again and takes what changed: all of it or, if something in it is wrong or
needs a restart, nothing. SIGHUP does the same. --dry-run needs the right to read alone.

  meshctl reload clue-1 --dry-run
  meshctl reload clue-1 -f configs/clue.yaml`
}

// Run has the node read its file again.
func (c reloadCommand) Run(ctx context.Context, out output) error {
	m, err := c.mesh()
	if err != nil {
		return err
	}
	defer m.Close()
	var data []byte
	if c.DryRun {
		data = []byte(`{"dry_run": true}`)
	}
	var changes config.Changes
	if err := m.AskOne(ctx, c.Node, "reload", data).Decode(&changes); err != nil {
		if errors.Is(err, nodes.ErrNoTap) || errors.Is(err, nodes.ErrSilent) { // the name may be a service's
			err = fmt.Errorf("%w%s", err, answering(ctx, m))
		}
		out.complain(c.Node, err)
		return errReported
	}
	return printChanges(out, c.Output, changes)
}

// answering names the nodes that can be asked; "" if there are none.
func answering(ctx context.Context, m nodes.Mesh) string {
	var names []string
	for _, a := range m.Ask(ctx, "may", nil) {
		if _, said := errors.AsType[*nodes.Problem](a.Err); a.Err == nil || said {
			names = append(names, a.Node)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; those that answer are " + strings.Join(names, ", ")
}

type diffCommand struct {
	printed
	Old string `arg:"" type:"path" help:"A node file."`
	New string `arg:"" type:"path" help:"Another one of the same node."`
}

// Help is shown by meshctl diff --help.
func (diffCommand) Help() string {
	return `Two node files are compared as a reload compares them: what means the same is no difference. Files of
secrets are not read. Of a service's file only the part under mesh is compared. The new file may lie
anywhere: its relative paths are read as where the old one is.

  meshctl diff clue.yaml clue.new.yaml`
}

// Run compares the files.
func (c diffCommand) Run(out output) error {
	old, err := nodeOf(c.Old)
	if err != nil {
		return err
	}
	next, err := nodeFor(c.New, c.Old)
	if err != nil {
		return err
	}
	return printChanges(out, c.Output, config.Diff(old, next))
}

// printChanges prints the fields that change, from what to what, and whether that needs a restart.
func printChanges(out output, f show.Format, changes config.Changes) error {
	return f.Write(out.results, append(config.Changes{}, changes...), func() show.Table {
		t := show.Table{Head: []string{"FIELD", "OLD", "NEW", "NEEDS"}, None: "Nothing has changed."}
		for _, one := range changes {
			needs := "a reload"
			if !one.Live {
				needs = "a restart"
			}
			t.Add(one.Field, one.Old, one.New, needs)
		}
		return t
	})
}
