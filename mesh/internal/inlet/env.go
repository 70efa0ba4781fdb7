package inlet

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// Env is what inlets need of their node.
type Env struct {
	Node  string
	Peers []config.Peer
	Clock *clock.Clock
	Log   *journal.Log
	Trace *steps.Trace
	Paths *cause.Tree // keeps the paths of events that come in
	Conn  *nats.Conn  // where they come in
	// Intake ends when the node takes no more events; Handling when it waits for its handlers no
	// longer.
	Intake, Handling context.Context

	// For durable imports.
	Letters   *letters.Letters
	Bookmarks *Bookmarks
	Server    *leaf.Server
}

// linkPatience is how long a look at a link may take.
const linkPatience = 200 * time.Millisecond

// linked reports whether the link to an exporter is up and its beacon was heard.
func (e *Env) linked(peer string) bool {
	ctx, cancel := context.WithTimeout(e.Intake, linkPatience)
	defer cancel()
	return e.Server.Ready(ctx, peer, nil) == nil
}

// Type is an event type that comes in.
type Type struct {
	*steps.Type
	Rules    func() []*rules.Rule // those of its import that are in force
	Handlers int                  // how many take it
	// Admit asks the cascade guard.
	Admit func(h *cause.Header) error
	// Enter gives an event to all who take it: see delivery.Targets.Deliver.
	Enter func(ctx context.Context, h *cause.Header, payload []byte, p delivery.Pressure, d *delivery.Handover) error
}
