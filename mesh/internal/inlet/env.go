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
	Peers func() []config.Peer // as they are now
	Clock *clock.Clock
	Log   *journal.Log
	Trace *steps.Trace
	Paths *cause.Tree // keeps the paths of events that come in
	// Intake ends when the node takes no more events; Handling when it waits for its handlers no
	// longer.
	Intake, Handling context.Context
	MaxPayload       int // of messages, in bytes
	// Neighbours hears what an exporter says of cascades.
	Neighbours func(exporter string, message any)

	// For durable imports.
	Letters   *letters.Letters
	Bookmarks *Bookmarks
}

// Exporter is the way to a node whose events come in, by which that one is heard already: see
// [Set.Hear]. Its methods are safe for concurrent use.
type Exporter interface {
	// Subscribe lets f hear events of a type that are exported at most once, a message at a time.
	Subscribe(subject string, f nats.MsgHandler) (*nats.Subscription, error)
	// Say says something.
	Say(message []byte) error
	// Link tells whether the link is up, and which of all that there were since the node began.
	Link() (number uint64, up bool)
	// Redial dials at once, and not only after a wait, while the link is down. An error says that
	// it was not dialed: nobody listens there.
	Redial() error
	// Trouble is what is known of why the link is not up, for people; "" if nothing is.
	Trouble() string
	// ByHub says that what the exporter sends goes by a hub, over two links.
	ByHub() bool
	// Close ends the way. Nothing was left to be heard.
	Close()
}

// Type is an event type that comes in.
type Type struct {
	*steps.Type
	Rules    func() []*rules.Rule // those of its import that are in force
	Handlers []string             // the names of those that take it
	// Admit asks the cascade guard. An event that comes again has been here before: how long it was
	// under way says nothing of the link.
	Admit func(h *cause.Header, again bool) error
	// Enter gives an event to all who take it: see delivery.Targets.Deliver.
	Enter func(ctx context.Context, h *cause.Header, payload []byte, p delivery.Pressure, d *delivery.Handover) error
}
