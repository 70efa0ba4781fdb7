package console

import (
	"context"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Source is where a console has from what it shows. Each question goes to all nodes, and has an
// answer of each that is known. Its methods are safe for concurrent use, and return soon after ctx
// ends. [Nodes] is the source of the nodes of this process.
type Source interface {
	// Stats asks for the counters.
	Stats(ctx context.Context) []Answer[stats.Stats]
	// Graph asks which types lead to which.
	Graph(ctx context.Context) []Answer[graph.Graph]
	// Rules asks for the rules in force.
	Rules(ctx context.Context) []Answer[[]config.Rule]
	// Places asks where events can be cut, and where they are.
	Places(ctx context.Context) []Answer[[]stats.Place]
	// Letters asks for the dead letters that are kept.
	Letters(ctx context.Context) []Answer[[]stats.Letter]
	// Kept asks for the cascades that nodes keep as something went wrong in them, the newest first.
	Kept(ctx context.Context) []Answer[[]why.Summary]
	// Durations asks how long handlers took, with examples.
	Durations(ctx context.Context) []Answer[[]stats.Durations]
	// Inquire asks for the records of the cascades of some events or roots: see mesh.Node.Inquire.
	Inquire(ctx context.Context, ids ...cause.ID) ([]why.Report, error)
}

// Answer is what one node says.
type Answer[T any] struct {
	Node  string
	Value T
	// Err says why there is no answer, or not all of it.
	Err error
}
