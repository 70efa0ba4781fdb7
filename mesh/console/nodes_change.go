package console

import (
	"context"
	"fmt"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// MayChange implements Changer.
func (nodes Nodes) MayChange(context.Context) []Answer[bool] {
	return each(nodes, func(*mesh.Node) (bool, error) { return true, nil })
}

// on has change done by the node of a name.
func (nodes Nodes) on(name string, change func(*mesh.Node) error) error {
	for _, n := range nodes {
		if n.Name() == name {
			return change(n)
		}
	}
	return fmt.Errorf("there is no node %.80q here", name)
}

// SetLimit implements Changer.
func (nodes Nodes) SetLimit(_ context.Context, node string, c config.LimitChange) error {
	return nodes.on(node, func(n *mesh.Node) error { return n.SetLimit(c) })
}

// Cut implements Changer.
func (nodes Nodes) Cut(_ context.Context, node, subject, place string) error {
	return nodes.on(node, func(n *mesh.Node) error { return n.Cut(subject, place) })
}

// Restore implements Changer.
func (nodes Nodes) Restore(_ context.Context, node, subject, place string) error {
	return nodes.on(node, func(n *mesh.Node) error { return n.Restore(subject, place) })
}

// ReplayLetter implements Changer.
func (nodes Nodes) ReplayLetter(ctx context.Context, node, key string) error {
	return nodes.on(node, func(n *mesh.Node) error { return n.ReplayLetter(ctx, key) })
}

// DropLetter implements Changer.
func (nodes Nodes) DropLetter(_ context.Context, node, key string) error {
	return nodes.on(node, func(n *mesh.Node) error { return n.DropLetter(key) })
}
