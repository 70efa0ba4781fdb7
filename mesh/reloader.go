package mesh

import (
	"context"
	"fmt"

	"leafmesh/mesh/config"
)

// reloader reads a node's file again.
type reloader func(ctx context.Context, dryRun bool) (config.Changes, error)

// OnReload says how the node's file is read again when an operator asks for it. f reads the file
// and gives it to [Node.Reload], with dryRun to [Node.Compare] only, and returns the changes.
// Without it operators hear that the node has no file.
func (n *Node) OnReload(f func(ctx context.Context, dryRun bool) (config.Changes, error)) {
	r := reloader(f)
	n.reloader.Store(&r)
}

// Reload reads the node's file again, as an operator asks for it.
func (n operated) Reload(ctx context.Context, dryRun bool) (config.Changes, error) {
	r := n.reloader.Load()
	if r == nil {
		return nil, fmt.Errorf("%w: node %s is configured by its program, and has no file", config.ErrNoFile, n.name)
	}
	return (*r)(ctx, dryRun)
}
