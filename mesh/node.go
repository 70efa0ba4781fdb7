package mesh

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/neighbours"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/peering"
	"leafmesh/mesh/internal/release"
	"leafmesh/mesh/internal/storage"
	"leafmesh/mesh/internal/wire"
)

// Node is one process's part of the mesh. Its methods are safe for concurrent use.
type Node struct {
	*flow

	leaf    *leaf.Server
	peers   *peering.Peers
	store   *nats.Conn                          // of the outbox; nil: there is none
	desk    *operations.Desk                    // what stock clients are served at; nil: none
	answers atomic.Pointer[operations.Answerer] // what operators are answered by; nil while the node opens
	storage storage.Storage
	// neighbours are told of the cascades that are kept, and asked.
	neighbours  *neighbours.Neighbours
	watching    sync.WaitGroup // the goroutines that look at the graph, the handlers, the readers and the health
	closer      closer
	changes     *changes.Changes // of its rules, and of what is cut
	health      health.Watchers
	checks      health.Checks   // what the program checks itself
	configuring sync.Mutex      // held while something that the node's file says changes
	contents    config.Contents // guarded by configuring: of what the configuration names
	// reloader reads the node's file again; nil: the node has none.
	reloader atomic.Pointer[func(ctx context.Context, dryRun bool) (config.Changes, error)]
}

// Name is the node's name, "clue-1".
func (n *Node) Name() string { return n.name }

// ListenAddr is the host:port of the leaf port, or "" if there is none.
func (n *Node) ListenAddr() string { return n.leaf.ListenAddr() }

// TapAddr is the host:port where stock NATS clients attach, or "" if there is none.
func (n *Node) TapAddr() string { return n.leaf.TapAddr() }

// WireVersion is the version of the messages on links. Nodes of different ones are not linked:
// [Node.Ready] says who is to be upgraded.
const WireVersion = wire.TalkVersion

// Version is the release of leafmesh that the program was built with: "v1.2.3", "commit 1a2b…", or
// "unknown" where Go's build information does not have it.
func Version() string { return release.Version() }
