package mesh

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/handling"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/letters"
	"leafmesh/mesh/internal/memory"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/queue"
	"leafmesh/mesh/internal/registry"
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

// newFlow makes the flow of a configuration, whose defaults are filled in. Its workers do not run
// yet.
func newFlow(c config.Node) (*flow, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.CheckProgram(registry.Has); err != nil {
		return nil, err
	}
	if err := graph.CheckDeclared(c.Handlers, c.Cascades); err != nil {
		return nil, err
	}
	f := &flow{name: c.Name, config: c, log: journal.New(c.Logger, c.Name), clock: clock.New(c.WallClock), guard: gate.NewCascades(c.Cascades),
		paths: newPaths()}
	f.clock.WhenSet(f.warnSet)
	f.present.Store(&c)
	f.trace = steps.New(f.warnUndeclared)
	f.memory = f.newMemory()
	l := &f.life
	l.open, l.endOpen = context.WithCancel(context.Background())
	l.intake, l.endIntake = context.WithCancel(context.Background())
	l.handling, l.endHandling = context.WithCancel(context.Background())
	f.gate = rules.NewGate(rules.Env{Clock: f.clock, Trace: f.trace, Closing: l.open.Done()}, c.Rules())
	f.workers.Elsewhere = f.elsewhere
	f.ports = outlet.Env{Clock: f.clock, Log: f.log, MaxPayload: int(c.MaxPayload), Handling: l.handling, Tap: outlet.NoTap{}}
	f.table.encoded = map[string]*typedRoute[Any]{}
	f.table.Store(&routes{types: map[string]*eventType{}})
	for i, h := range c.Handlers {
		own, ours := h.(*handler)
		if !ours {
			return nil, &config.FieldError{Field: fmt.Sprintf("handlers[%d]", i), Problem: fmt.Sprintf("a %T is no handler of package mesh", h),
				Remedy: "make handlers with Event.Handle or HandleAll"}
		}
		f.table.handlers = append(f.table.handlers, own.bind(f))
		f.table.patterns.Add(own.pattern)
	}
	return f, f.makeTypes()
}

// warnSet logs that the wall clock was set.
func (f *flow) warnSet(by time.Duration) {
	by, remedy := by.Round(time.Second), "have one time service set it, as NTP does; after a suspension nothing is to be done"
	if by < 0 {
		remedy = fmt.Sprintf("have one time service set it, as NTP does; the times of events may be ahead for up to %v yet, or until the node is started again", -2*by)
	}
	f.log.Warn("the wall clock was set, or the machine was suspended", "by", by, "remedy", remedy)
}

// elsewhere counts the events that are in the flow and in no queue.
func (f *flow) elsewhere() int64 { return f.gate.Kept() + f.rests.Kept() }

// makeTypes makes the event types that the configuration names.
func (f *flow) makeTypes() error {
	f.table.mu.Lock()
	defer f.table.mu.Unlock()
	return f.addTypesLocked(f.config.Subjects())
}

// warnUndeclared logs an edge that its handler's declaration does not have, when it is learned.
func (f *flow) warnUndeclared(from *steps.Tally, to *steps.Type) {
	for _, h := range f.config.Handlers {
		if h.Name() == from.Place.Handler && to.Subject != deadLetterSubject && !h.Settings().Declares(to.Subject) {
			f.log.Warn("handler emits what it does not declare", "handler", h.Name(), "type", to.Subject)
		}
	}
}

// newMemory makes the memory of what becomes of events, before the first point of the trace is
// made.
func (f *flow) newMemory() *memory.Memory {
	spec := memory.Spec{Node: f.name, Opened: f.clock.Wall(), Paths: f.paths.Tree, Clock: f.clock, Log: f.log, Slow: f.config.Alarms.WithDefaults().Slow}
	if size := f.config.Recorder; size != nil {
		spec.Bytes = int64(*size)
	}
	return memory.New(spec, f.trace)
}

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
