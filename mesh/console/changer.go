package console

import (
	"context"

	"leafmesh/mesh/config"
)

// Changer changes nodes, as somebody asks for it on a page. Each error is shown there. Its methods
// are safe for concurrent use. [Nodes] is one.
type Changer interface {
	// MayChange asks which of the nodes it may change now.
	MayChange(ctx context.Context) []Answer[bool]
	// SetLimit changes the numbers of one rule of a node: see mesh.Node.SetLimit.
	SetLimit(ctx context.Context, node string, c config.LimitChange) error
	// Cut stops the events of a type from reaching a place of a node, and Restore undoes it.
	Cut(ctx context.Context, node, subject, place string) error
	Restore(ctx context.Context, node, subject, place string) error
	// ReplayLetter gives a dead letter to its handler once more, and DropLetter deletes it.
	ReplayLetter(ctx context.Context, node, key string) error
	DropLetter(ctx context.Context, node, key string) error
}
