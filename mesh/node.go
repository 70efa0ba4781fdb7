package mesh

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/outbox"
)

// Node is one process's part of the mesh. Its methods are safe for concurrent
// use.
type Node struct {
	name       string
	config     Config
	log        *slog.Logger
	logLimit   *rate.Limiter
	codecCheck bool

	clock    *clock
	guard    *guard
	counters *counters
	learned  learned
	paths    *cause.Tree         // of roots emitted here
	imported *cause.Tree         // of events that came over links
	handlers []registeredHandler // in their order; never changes

	leaf    *leaf.Server
	out, in *nats.Conn
	imports []*importer
	tap     atomic.Pointer[tap]
	ops     *ops // nil: none

	outbox      *outbox.Outbox   // nil without a durable export
	letters     *letters.Letters // nil if nothing is durable, as the rest
	bookmarks   *bookmarks
	dataLock    *flock.Flock
	replaying   sync.Map // keys of the letters that are
	durables    []*durableImport
	durableRuns sync.WaitGroup // of durables; ends with the intake
	keeper      sync.WaitGroup // the goroutine of keep; ends with the handling

	table      atomic.Pointer[routes]
	closing    atomic.Bool
	watching   sync.WaitGroup // the goroutine that looks at the graph
	closed     chan struct{}  // closed when Close is done
	closeBegun atomic.Bool
	// open ends when the node begins to close.
	open    context.Context
	endOpen context.CancelFunc
	// intake ends when the node takes no more root and imported events;
	// handling ends when it waits for its handlers no longer.
	intake, handling       context.Context
	endIntake, endHandling context.CancelFunc
	closeErr               error

	mu            sync.Mutex
	started       bool                         // guarded by mu: consumers run
	sealed        bool                         // guarded by mu: no consumer may be added
	running       []receiver                   // guarded by mu: all consumers, in their order
	encodedRoutes map[string]*typedRoute[Any]  // guarded by mu
	rules         []Rule                       // guarded by mu
	rootBuckets   map[Rule]*gate.Keyed[string] // guarded by mu: of rules by root, which all types share
	coalescing    []*limit                     // guarded by mu: those of rules that coalesce
	keepsNothing  bool                         // guarded by mu: what is coalesced goes at once, as the node closes
}

type registeredHandler struct {
	pattern  string
	receiver receiver
}

// maxPaths bounds the interned paths of a node, those that events emitted here
// began and those that came over links by themselves: far more than a sane mesh
// has, and some 6 MB each if they are made up.
const maxPaths = 1 << 14

// Open starts a node: it validates the configuration, starts the embedded
// server, links it to its peers and begins to handle events. It does not wait
// for the links; see [Node.Ready]. On an error nothing is left running. ctx
// bounds only the start; the node lives until [Node.Close].
func Open(ctx context.Context, c Config) (*Node, error) {
	n, err := start(ctx, c, true)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// start is Open; without link the peers are not dialed yet.
func start(ctx context.Context, c Config, link bool) (*Node, error) {
	n, err := newNode(c)
	if err != nil {
		return nil, err
	}
	spec, err := n.leafSpec(link)
	if err != nil {
		return nil, err
	}
	if n.leaf, err = leaf.Start(ctx, spec); err != nil {
		return nil, fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	if err := n.connect(ctx); err != nil {
		n.abort()
		return nil, err
	}
	return n, nil
}

// newNode makes the node's pure part: who handles what.
func newNode(c Config) (*Node, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	if err := checkHandlers(c.Handlers); err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	if err := checkEvents(c); err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	if err := checkDeclared(c); err != nil {
		return nil, fmt.Errorf("mesh: configuration of node %q: %w", c.Name, err)
	}
	n := &Node{
		name: c.Name, config: c, log: c.Logger, codecCheck: c.CodecCheck,
		logLimit: rate.NewLimiter(1, 10),
		clock:    newClock(), guard: newGuard(c.Cascades), counters: newCounters(), paths: cause.NewTree(maxPaths), imported: cause.NewTree(maxPaths),
		closed: make(chan struct{}), rules: c.Rules(), rootBuckets: map[Rule]*gate.Keyed[string]{},
		encodedRoutes: map[string]*typedRoute[Any]{},
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.open, n.endOpen = context.WithCancel(context.Background())
	n.intake, n.endIntake = context.WithCancel(context.Background())
	n.handling, n.endHandling = context.WithCancel(context.Background())
	n.table.Store(&routes{types: map[string]*eventType{}})
	for _, h := range c.Handlers {
		r := h.(*handler).receiver(n)
		n.handlers = append(n.handlers, registeredHandler{h.Pattern(), r})
		n.running = append(n.running, r)
	}
	return n, n.makeTypes()
}

// makeTypes makes the event types that the configuration names.
func (n *Node) makeTypes() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, subject := range n.config.Subjects() {
		if _, err := n.typeLocked(subject); err != nil {
			return fmt.Errorf("mesh: open node %s: %w", n.name, err)
		}
	}
	for i, m := range n.config.Imports {
		if m.Durable && len(n.table.Load().types[m.Event].handlers) == 0 {
			return &config.FieldError{Field: fmt.Sprintf("imports[%d].durable", i), Problem: fmt.Sprintf("no handler takes %s", m.Event),
				Remedy: "declare a handler, which acknowledges the events, or remove durable"}
		}
	}
	return nil
}

// connect joins the router to the server: exports and imports each on a
// connection of their own, so that a slow link does not hold up the other.
func (n *Node) connect(ctx context.Context) (err error) {
	if n.out, err = n.leaf.Connect(leaf.Out); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	if n.in, err = n.leaf.Connect(leaf.In, n.inOptions()...); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	if err := n.openStorage(ctx); err != nil {
		return err
	}
	n.startHandlers()
	n.startWatching()
	if n.config.Tap != nil {
		if err := n.openTap(); err != nil {
			return err
		}
		if err := n.openOps(); err != nil {
			return err
		}
	}
	for _, i := range n.config.Imports {
		if i.Durable {
			continue
		}
		imp := n.newImport(i)
		n.imports = append(n.imports, imp)
		if err := imp.subscribe(i.Delivery); err != nil {
			return err
		}
	}
	if err := n.in.Flush(); err != nil {
		return fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	return n.startDurableImports()
}

// Name is the node's name, "clue-1".
func (n *Node) Name() string { return n.name }

// ListenAddr is the host:port of the leaf port, or "" if there is none.
func (n *Node) ListenAddr() string { return n.leaf.ListenAddr() }

// TapAddr is the host:port where stock NATS clients attach, or "" if there is none.
func (n *Node) TapAddr() string { return n.leaf.TapAddr() }

// receivers are the node's consumers, in their order.
func (n *Node) receivers() []receiver {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.running)
}

// startHandlers starts the consumers made so far.
func (n *Node) startHandlers() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.started = true
	for _, r := range n.running {
		r.start()
	}
}

// addLocked adds a consumer that a type's route needs.
func (n *Node) addLocked(r receiver) {
	n.running = append(n.running, r)
	if n.started {
		r.start()
	}
}

// logRarely writes a line for what may happen as often as events do.
func (n *Node) logRarely(message string, attrs ...any) {
	if n.logLimit.Allow() {
		n.log.Warn(message, append(attrs, "node", n.name)...)
	}
}
