package mesh

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/memory"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
)

// flow is the part of a node that events flow through inside the process: gate, routes, queues and
// handlers. It needs no NATS. What leads out of the process is closed until a [Node] opens it:
// ports, and the store of durable events.
type flow struct {
	name   string
	config config.Node // as the node was opened, with defaults filled in; never changes
	// present is the configuration in force, but for the peers: see Node.inForce.
	present atomic.Pointer[config.Node]
	log     *journal.Log
	clock   *clock.Clock
	trace   *steps.Trace
	memory  *memory.Memory // of cascades
	tracer  tracing        // makes traces of what is kept of that

	guard   *gate.Cascades
	gate    *rules.Gate
	table   table
	workers queue.Group
	desks   []*desk // those of all handlers' workers
	rests   handling.Rests
	life    life

	paths paths

	ports outlet.Env    // ways out
	kept  *outlet.Store // nil without a durable export
	// localLetters are those of events from no outbox; nil: they are not kept. Set before anything
	// runs.
	localLetters *letters.Local

	backlogs sync.Map // keys count the events that wait to be relayed
}

// life is how far a node is with its end.
type life struct {
	closing atomic.Bool
	// open ends when the node begins to close; intake when it takes no more root and imported
	// events; handling when it waits for its handlers no longer.
	open, intake, handling          context.Context
	endOpen, endIntake, endHandling context.CancelFunc
}

// elsewhere counts the events that are in the flow and in no queue.
func (f *flow) elsewhere() int64 { return f.gate.Kept() + f.rests.Kept() }

// paths are the interned paths of a node.
type paths struct {
	*cause.Tree             // of roots emitted here
	imported    *cause.Tree // of events that came over links
}

// maxPaths bounds the interned paths of a node, those that events emitted here began and those that
// came over links by themselves: far more than a sane mesh has, and some 6 MB each if they are made
// up.
const maxPaths = 1 << 14

func newPaths() paths {
	own := cause.NewTree(maxPaths)
	return paths{own, own.Beside(maxPaths)}
}

// treeOf is the tree that keeps a path: what began on other nodes has its own, as others make those
// paths.
func (f *flow) treeOf(path [][]byte) *cause.Tree {
	if strings.HasPrefix(string(path[0]), f.name+":") {
		return f.paths.Tree
	}
	return f.paths.imported
}
