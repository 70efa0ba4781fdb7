package mesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/changes"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/memory"
	"leafmesh/mesh/internal/outlet"
	"leafmesh/mesh/internal/peering"
	"leafmesh/mesh/internal/registry"
	"leafmesh/mesh/internal/rules"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/internal/topology"
	"leafmesh/mesh/stats"
)

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
	n.changes = changes.New(changes.Env{Node: n.name, Clock: n.clock, Log: n.log, Check: n.checkRules, Put: n.putRules, Cut: n.setCut}, c.Rules())
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
	n.peers = peering.New(peering.Env{Node: n.name, Server: n.leaf, Log: n.log, Intake: n.life.intake, Closing: n.life.closing.Load,
		Exports: func() []config.Export { return n.present.Load().Exports }, Named: func(names []string) { n.neighbours.SetPeers(names) }}, c.Peers)
	if err := n.connect(ctx); err != nil {
		n.abort()
		return nil, fmt.Errorf("mesh: open node %s: %w", n.name, err)
	}
	n.log.Info("node is open", "version", Version(), "wire", WireVersion)
	return n, nil
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

// warnSet logs that the wall clock was set.
func (f *flow) warnSet(by time.Duration) {
	by, remedy := by.Round(time.Second), "have one time service set it, as NTP does; after a suspension nothing is to be done"
	if by < 0 {
		remedy = fmt.Sprintf("have one time service set it, as NTP does; the times of events may be ahead for up to %v yet, or until the node is started again", -2*by)
	}
	f.log.Warn("the wall clock was set, or the machine was suspended", "by", by, "remedy", remedy)
}
