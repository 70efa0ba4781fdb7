package sick

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// The nodes.
const (
	a, b, c   = 0, 1, 2
	nodeCount = 3
)

var nodeNames = [nodeCount]string{a: "a-1", b: "b-1", c: "c-1"}

// ward is the nodes with all that is healthy and sick on them.
type ward struct {
	nodes    inproc.Nodes
	begin    time.Time
	readings [nodeCount]stream  // by the node that handles them
	reports  [nodeCount]stream  // node a has none
	ill      [nodeCount]illness // of handlers
	failing  illness            // of a key
	clock    wallClock
	log      lineCounter
	slowSeen [nodeCount]atomic.Uint64 // looks at the counters that showed a call that takes too long
}

// The names of handlers and rules.
const (
	readHandler   = "read"
	reportHandler = "report"
	stuckHandler  = "stuck"
	slowHandler   = "slow"

	keyRule    = "one-key"
	ticketRule = "tickets"
)

// linkTimeout is how long the nodes may take to link, and healTimeout to come to rest. Each takes
// some 100 ms.
const linkTimeout, healTimeout = 20 * time.Second, 20 * time.Second

// How handlers and rules are set.
const (
	workers    = 4
	sickQueue  = 64 // events: full within a part of a second
	hangsFor   = 50 * time.Millisecond
	slowFor    = 20 * time.Millisecond
	alarmAfter = 10 * time.Millisecond // a call of so long is told of
	ticketRate = 10                    // a second
	keyRate    = 100                   // a second of each key; each of the healthy has some 8
)

func newWard() *ward {
	w := &ward{begin: time.Now()}
	for i := range nodeCount {
		w.readings[i].ward, w.reports[i].ward = w, w
	}
	return w
}

// open starts the nodes and links them. What it has started is w.nodes, also on an error.
func (w *ward) open(ctx context.Context) (err error) {
	if w.nodes, err = inproc.Open(ctx, w.configs()...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	return w.nodes.Ready(ctx)
}

// configs declares the nodes. A sick handler beside healthy ones of its type sheds what it cannot
// take; one that has a type for itself holds its emitter or its import back, as is the default.
func (w *ward) configs() []mesh.Config {
	stuck := []mesh.HandlerOption{mesh.Timeout(hangsFor), mesh.Retry{Tries: 1}, mesh.Queue(sickQueue)}
	slow := []mesh.HandlerOption{mesh.ShedWhenFull(), mesh.Queue(sickQueue)}
	entering := func(e *mesh.Event[sample]) mesh.Import { return e.Import(mesh.Limit{}, mesh.Shared) }
	report := func(node int) mesh.Handler {
		return reports.Handle(reportHandler, w.reports[node].handle, mesh.Workers(workers))
	}
	configs := []mesh.Config{
		a: {
			WallClock: w.clock.read,
			Limits:    rules(),
			Exports:   []mesh.Export{reports.Export(mesh.Limit{}), orders.Export(mesh.Limit{})},
			Handlers: []mesh.Handler{
				jobs.Handle(stuckHandler, w.ill[a].hang, stuck...),
				readings[a].Handle(slowHandler, w.ill[a].dawdle, slow...),
				tickets.Handle("draw", func(context.Context, sample) error { return nil }),
			},
		},
		b: {
			Imports: []mesh.Import{entering(reports), entering(orders)},
			Handlers: []mesh.Handler{
				orders.Handle(stuckHandler, w.ill[b].hang, stuck...),
				reports.Handle(slowHandler, w.ill[b].dawdle, slow...),
				report(b),
			},
		},
		c: {Imports: []mesh.Import{entering(reports)}, Handlers: []mesh.Handler{report(c)}},
	}
	for i := range configs {
		configs[i].Name, configs[i].Logger = nodeNames[i], w.log.logger()
		configs[i].Alarms = mesh.Alarms{Handling: alarmAfter}
		configs[i].Handlers = append(configs[i].Handlers,
			readings[i].Handle(readHandler, w.read(i), mesh.Workers(workers), mesh.Retry{Tries: 20, FirstPause: 5 * time.Millisecond, LongestPause: 50 * time.Millisecond}))
	}
	return configs
}

// rules are those of node a.
func rules() []mesh.Rule {
	return []mesh.Rule{
		{Name: keyRule, Place: mesh.AtHandler, Handler: readHandler, Event: readings[a].Subject(), By: mesh.ByKey,
			Limit: mesh.Limit{Rate: keyRate, Burst: 20, Policy: mesh.Wait}},
		{Name: ticketRule, Event: tickets.Subject(), Limit: mesh.Limit{Rate: ticketRate, Burst: 1, Policy: mesh.Wait}},
	}
}

// heal waits until the nodes are at rest, once nobody is sick any more. What waits for a rule need
// not wait longer.
func (w *ward) heal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healTimeout)
	defer cancel()
	if err := w.nodes[a].SetRules(nil); err != nil {
		return err
	}
	if err := w.nodes.Settle(ctx); err != nil {
		return fmt.Errorf("heal: %w", err)
	}
	return w.nodes[a].SetRules(rules())
}

// close ends the nodes, also when ctx has ended.
func (w *ward) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healTimeout)
	defer cancel()
	if err := w.nodes.Close(ctx); err != nil {
		return fmt.Errorf("close the nodes: %w", err)
	}
	return nil
}
