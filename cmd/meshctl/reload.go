package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	changes, err := c.differs(ctx, m) // first: the answer to a reload may be lost
	switch {
	case errors.Is(err, nodes.ErrNoTap) || errors.Is(err, nodes.ErrSilent): // the name may be a service's
		err = fmt.Errorf("%w%s", err, answering(ctx, m))
	case !c.DryRun:
		var changed config.Changes
		failed := m.AskOne(ctx, c.Node, "reload", nil).Decode(&changed)
		switch {
		case errors.Is(failed, nodes.ErrSilent) && err == nil:
			err = c.isDone(ctx, m)
		default:
			changes, err = changed, failed
		}
	}
	if err != nil {
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

// differs asks what a reload would change.
func (c reloadCommand) differs(ctx context.Context, m nodes.Mesh) (changes config.Changes, err error) {
	err = m.AskOne(ctx, c.Node, "reload", []byte(`{"dry_run": true}`)).Decode(&changes)
	return changes, err
}

const (
	// linkWait is how long a node may take to have a link again that a reload closed, and to answer
	// over it, and linkPause how long to wait before it is asked again.
	linkWait, linkPause = 10 * time.Second, 200 * time.Millisecond
)

// isDone finds out whether a reload that nobody answered is done: it closes the links whose keys or
// peers it changes, and one of them may be that which the answer takes.
func (c reloadCommand) isDone(ctx context.Context, m nodes.Mesh) error {
	ctx, cancel := context.WithTimeout(ctx, linkWait)
	defer cancel()
	for {
		rest, err := c.differs(ctx, m)
		switch {
		case err == nil && len(rest) == 0:
			return nil
		case err == nil:
			return fmt.Errorf("%w, and it has not reloaded: ask again at its own tap", nodes.ErrSilent)
		case !errors.Is(err, nodes.ErrSilent):
			return fmt.Errorf("%w, and whether it has reloaded is not known: ask with --dry-run at its own tap: %w", nodes.ErrSilent, err)
		}
		select {
		case <-time.After(linkPause):
		case <-ctx.Done():
			return fmt.Errorf("%w; whether it has reloaded is not known: ask with --dry-run at its own tap", nodes.ErrSilent)
		}
	}
}

// printChanges prints the fields that change, from what to what, and whether that needs a restart.
func printChanges(out output, f show.Format, changes config.Changes) error {
	return f.Write(out.results, append(config.Changes{}, changes...), func() show.Table { return changesTable(changes) })
}

func changesTable(changes config.Changes) show.Table {
	t := show.Table{Head: []string{"FIELD", "OLD", "NEW", "NEEDS"}, None: "Nothing has changed."}
	for _, one := range changes {
		needs := "a reload"
		if !one.Live {
			needs = "a restart"
		}
		t.Add(one.Field, one.Old, one.New, needs)
	}
	return t
}
