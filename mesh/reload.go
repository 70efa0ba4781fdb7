package mesh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/registry"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/internal/undo"
	"leafmesh/mesh/stats"
)

// Reload gives the running node what its file says now, and returns what that changed: peers, keys,
// rights, exports and imports that are not durable, limits, cascades, alarms, operators, and the
// contents of the files that it names. Links that did not change stay, and no event is lost. What
// exists in code only, as handlers, stays as it is.
//
// It changes all or nothing. The error says, with config.FieldErrors, what is wrong with the file,
// or what needs a restart, which is config.ErrNeedsRestart; or why a part could not be applied:
// then those before it are undone, and what of that failed is config.ErrNotUndone. Reloads run one
// after the other, and whatever ctx says one waits for the one before. If ctx has ended by then,
// nothing changes.
func (n *Node) Reload(ctx context.Context, file config.Node) (config.Changes, error) {
	n.configuring.Lock()
	defer n.configuring.Unlock()
	p, err := n.planLocked(file)
	if err == nil {
		err = p.changes.Restarts()
	}
	if err == nil && ctx.Err() != nil {
		err = clock.EndOf(ctx)
	}
	if err == nil && n.life.closing.Load() {
		err = stats.ErrClosed
	}
	if err == nil && len(p.changes) > 0 {
		err = undo.All(n.partsLocked(p))
	}
	if err != nil {
		return p.changes, fmt.Errorf("mesh: reload node %s: %w", n.name, err)
	}
	n.contents = p.contents
	return p.changes, nil
}

// Compare tells what [Node.Reload] would change, and what of it needs a restart. The error is that
// of a file that no node could be opened with.
func (n *Node) Compare(file config.Node) (config.Changes, error) {
	n.configuring.Lock()
	defer n.configuring.Unlock()
	p, err := n.planLocked(file)
	if err != nil {
		return nil, fmt.Errorf("mesh: compare node %s with its file: %w", n.name, err)
	}
	return p.changes, nil
}

// plan is what a reload is to do.
type plan struct {
	from, to config.Node
	contents config.Contents // of what the file names
	changes  config.Changes
}

// planLocked checks a file as Open does.
func (n *Node) planLocked(file config.Node) (p plan, err error) {
	p.to = file.WithDefaults()
	c := n.config
	p.to.Handlers, p.to.Logger, p.to.CodecCheck, p.to.WallClock, p.to.OneProcess = c.Handlers, c.Logger, c.CodecCheck, c.WallClock, c.OneProcess
	if err := p.to.Validate(); err != nil {
		return p, err
	}
	if err := errors.Join(p.to.CheckProgram(registry.Has), graph.CheckDeclared(p.to.Handlers, p.to.Cascades)); err != nil {
		return p, err
	}
	if p.contents, err = p.to.Contents(); err != nil {
		return p, err
	}
	p.from = n.inForce()
	p.changes = slices.Concat(config.Diff(p.from, p.to), n.contents.Diff(p.contents), n.peers.OtherWays(p.to))
	return p, nil
}

// touches reports whether something of a top-level field changes.
func (p plan) touches(field string) bool {
	return slices.ContainsFunc(p.changes, func(c config.Change) bool {
		rest, found := strings.CutPrefix(c.Field, field)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// turns reports whether an entry of a top-level list comes or goes.
func (p plan) turns(list string) bool {
	return slices.ContainsFunc(p.changes, func(c config.Change) bool {
		return strings.HasPrefix(c.Field, list+"[") && strings.HasSuffix(c.Field, "]")
	})
}

// partsLocked are the steps of a plan. Those that cut links come last: to undo that takes the
// others a second to dial again.
func (n *Node) partsLocked(p plan) (parts []undo.Part) {
	add := func(wanted bool, what string, do func() (func() error, error)) {
		if wanted {
			parts = append(parts, undo.Part{What: what, Do: do})
		}
	}
	add(true, "alarms", func() (func() error, error) { return n.putInForce(p.from, p.to), nil })
	add(p.touches("cascades"), "cascades", func() (func() error, error) {
		n.guard.SetBounds(p.to.Cascades)
		return func() error { n.guard.SetBounds(p.from.Cascades); return nil }, nil
	})
	add(p.touches("operators"), "operators", func() (func() error, error) {
		n.answers.Load().SetOperators(p.to.Operators)
		return func() error { n.answers.Load().SetOperators(p.from.Operators); return nil }, nil
	})
	add(p.touches("limits") || p.touches("exports") || p.touches("imports"), "limits", func() (func() error, error) {
		return n.changes.ReplaceRules(p.to.Rules())
	})
	add(p.turns("exports"), "exports", func() (func() error, error) {
		return func() error { return n.setExports(p.from) }, n.setExports(p.to)
	})
	add(p.turns("imports"), "imports", func() (func() error, error) {
		return func() error { return n.setImports(p.from) }, n.setImports(p.to)
	})
	add(p.touches("links") || p.touches("hub"), "certificates", func() (func() error, error) { return nil, n.leaf.Reread() })
	seed := topology.ProofOf(p.to)
	add((p.touches("seed") || p.touches("links.plain_seed")) && !seed.IsZero(), "seed", func() (func() error, error) { return n.putSeed(seed) })
	add(p.touches("peers") || p.turns("imports"), "peers", func() (func() error, error) { // who is dialed follows from both
		return n.peers.Set(p.from, p.to)
	})
	return parts
}

// setExports lets the types leave the node that a configuration exports, and no others. Durable
// exports stay as they are.
//
// An export that begins has its way out first, and then its readers, so that a reader which was
// welcomed misses nothing. One that ends goes the other way round: what was admitted to it leaves.
func (n *Node) setExports(c config.Node) error {
	ended, err := n.putExports(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(n.life.intake, leaveFor)
	defer cancel()
	for _, outlet := range ended {
		for !outlet.Idle() && ctx.Err() == nil {
			clock.Sleep(ctx, time.Millisecond)
		}
	}
	n.peers.Readers.SetExports(c.Exports)
	return nil
}

// setImports lets the types come in that a configuration imports, and no others, from the exporters
// that are there. Durable imports stay as they are.
func (n *Node) setImports(c config.Node) error {
	for _, i := range c.Imports {
		if _, err := n.typeOf(i.Event); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(n.life.intake, leaveFor)
	defer cancel()
	return n.peers.Inlets.SetImports(ctx, c.Imports)
}

// leaveFor is how long events have to leave and to arrive that are on their way when an export or
// an import ends. Those that are late, as behind a handler that takes long, count as unheard or
// lost.
const leaveFor = 2 * time.Second

// putInForce puts the alarms of a configuration in force, and what others ask about it.
func (n *Node) putInForce(from, to config.Node) (undo func() error) {
	put := func(c config.Node) {
		n.present.Store(&c)
		n.memory.SetSlow(c.Alarms.WithDefaults().Slow)
	}
	put(to)
	return func() error { put(from); return nil }
}
