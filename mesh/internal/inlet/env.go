package inlet

import (
	"context"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
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
	Conn  *nats.Conn  // where those come in that are at most once
	// Intake ends when the node takes no more events; Handling when it waits for its handlers no
	// longer.
	Intake, Handling context.Context

	// For durable imports.
	Letters    *letters.Letters
	Bookmarks  *Bookmarks
	MaxPayload int // of messages, in bytes
	// Say publishes a message to an exporter. Linked tells whether the link to it is up, and which
	// of all that there were since the node began.
	Say    func(exporter string, message []byte) error
	Linked func(exporter string) (epoch uint64, up bool)
}

// Type is an event type that comes in.
type Type struct {
	*steps.Type
	Rules    func() []*rules.Rule // those of its import that are in force
	Handlers []string             // the names of those that take it
	// Admit asks the cascade guard.
	Admit func(h *cause.Header) error
	// Enter gives an event to all who take it: see delivery.Targets.Deliver.
	Enter func(ctx context.Context, h *cause.Header, payload []byte, p delivery.Pressure, d *delivery.Handover) error
}
