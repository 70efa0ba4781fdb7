package mesh

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/archive"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/neighbours"
	"leafmesh/mesh/internal/operations"
	"leafmesh/mesh/internal/readers"
	"leafmesh/mesh/internal/storage"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/stats"
)

// Node is one process's part of the mesh. Its methods are safe for concurrent use.
type Node struct {
	*flow

	leaf    *leaf.Server
	peers   peers
	readers *readers.Readers
	inlets  *inlet.Set
	store   *nats.Conn                          // of the outbox; nil: there is none
	desk    *operations.Desk                    // what stock clients are served at; nil: none
	answers atomic.Pointer[operations.Answerer] // what operators are answered by; nil while the node opens
	storage storage.Storage
	archive *archive.Archive
	// neighbours are told of the cascades that are kept, and asked.
	neighbours *neighbours.Neighbours
	watching   sync.WaitGroup // the goroutines that look at the graph, the handlers and the readers
	archiving  sync.WaitGroup // the goroutine that keeps cascades
	closer     closer
	health     healthWatch
	lines      peerLines
	hub        *leaf.Line               // nil: there is none
	contents   config.Contents          // guarded by peers.changing: of what the configuration names
	reloader   atomic.Pointer[reloader] // nil: the node has no file
}

// Open starts a node: it validates the configuration, starts the embedded server, links it to its
// peers and begins to handle events. It does not wait for the links; see [Node.Ready]. On an error
// nothing is left running. ctx bounds only the start; the node lives until [Node.Close].
func Open(ctx context.Context, c config.Node) (*Node, error) {
	c = c.WithDefaults()
	f, err := newFlow(c)
	if err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	n := &Node{flow: f, closer: closer{begun: make(chan struct{}, 1), done: make(chan struct{})}}
	n.peers.present.Store(&c.Peers)
	if n.contents, err = c.Contents(); err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	spec, err := topology.Spec(c, f.log.Logger, !c.OneProcess)
	if err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	n.storage.Lost = func(subject, handler string, why error) { f.loseLetter(subject, handler, stats.NoRoom, why) }
	n.storage.Log = f.log.Logger
	if err := n.storage.Open(ctx, n.config, topology.OutboxDir(n.config)); err != nil { // first: no port answers for data of another
		return nil, fmt.Errorf("mesh: open node %s: %w", n.name, errors.Join(err, n.storage.Close()))
	}
	f.localLetters = n.storage.Letters.Local
	if n.leaf, err = leaf.Start(ctx, spec); err != nil {
		return nil, fmt.Errorf("mesh: open node %s: %w", n.name, errors.Join(err, n.storage.Close()))
	}
	if err := n.connect(ctx); err != nil {
		n.abort()
		return nil, fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	n.log.Info("node is open", "version", Version(), "wire", WireVersion)
	return n, nil
}

// connect joins the flow to the server, and starts both.
func (n *Node) connect(ctx context.Context) (err error) {
	if err := n.openArchive(); err != nil {
		return err
	}
	if len(n.config.DurableExports()) > 0 {
		if err := n.openOutbox(ctx); err != nil {
			return err
		}
	}
	n.openNeighbours()
	if err := n.openHub(); err != nil {
		return err
	}
	if err := n.openReaders(); err != nil {
		return err
	}
	n.neighbours.Add(n.readers)
	if n.config.Tap != nil {
		if n.desk, err = operations.Open(n.leaf, n.log, n.life.intake, n.emitEncoded); err != nil {
			return err
		}
		n.ports.Tap = n.desk.Tap
	}
	n.workers.Start()
	watch := graph.NewWatch(n.thresholds())
	n.watching.Go(func() { n.watchHandlers(n.life.intake.Done()) })
	n.watching.Go(func() {
		clock.Sleep(n.life.intake, clock.ToBeat(time.Second)) // then each second is one with the other looks
		watch.Run(n.life.intake.Done(), n.thresholds, n.trace.Samples, n.alarm)
	})
	if err := n.openInlets(); err != nil {
		return err
	}
	n.neighbours.Add(n.inlets)
	if err := n.answer(); err != nil {
		return err
	}
	if err := n.leaf.Serve(); err != nil {
		return err
	}
	n.archiving.Go(func() { n.archive.Run(n.life.ended.Done()) })
	n.watching.Go(n.watchHealth)
	return nil
}

// Name is the node's name, "clue-1".
func (n *Node) Name() string { return n.name }

// ListenAddr is the host:port of the leaf port, or "" if there is none.
func (n *Node) ListenAddr() string { return n.leaf.ListenAddr() }

// TapAddr is the host:port where stock NATS clients attach, or "" if there is none.
func (n *Node) TapAddr() string { return n.leaf.TapAddr() }
