package storm

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// Options say how to storm.
type Options struct {
	Rate float64       // root events a second, on node a; above 0
	For  time.Duration // how long each storm lasts, and the quiet time before it
	Cap  int           // how many handled events end a storm before its time; at least 1
}

const (
	// DefaultRate shows the difference on two cores: without a guard one root a second is too many,
	// and with it the storm takes a tenth of a core.
	DefaultRate = 25
	// DefaultFor gives 7,500 readings in each quiet time and storm.
	DefaultFor = 5 * time.Second
	// DefaultCap is more than two cores handle in the default time.
	DefaultCap = 20_000_000
)

var (
	// guardOff lifts every bound as far as a configuration can.
	guardOff = mesh.Cascade{Depth: 31, Loops: 31, Descendants: 1_000_000, Deadline: time.Hour}
	// guardOn is what a node has by default, written out because the result states it.
	guardOn = mesh.Cascade{Depth: 16, Loops: 0, Descendants: 1000, Deadline: 30 * time.Second}
)

// Run storms with the guard off and then with it on, and compares. It takes four times o.For and a
// second or two.
//
// Errors: those of nodes that do not start, link or close, and the cause of ctx when it ends.
func Run(ctx context.Context, o Options) (r Result, err error) {
	r = Result{Rate: o.Rate, Seconds: o.For.Seconds(), Cap: o.Cap}
	// What goes on without a guard is not waited for: it would be hours.
	if r.Off, err = run(ctx, o, guardOff, 0); err != nil {
		return r, failed(ctx, "off", err)
	}
	if r.On, err = run(ctx, o, guardOn, settleTimeout); err != nil {
		return r, failed(ctx, "on", err)
	}
	r.Held = r.On.held()
	r.Summary = r.summarize()
	return r, nil
}

func failed(ctx context.Context, guard string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("storm with the guard %s: stopped before there was a result: %w", guard, err)
	}
	return fmt.Errorf("storm with the guard %s: %w", guard, err)
}

const (
	// warmUp is how long readings are emitted before any is measured, at most.
	warmUp = 500 * time.Millisecond
	// linkTimeout is how long the nodes may take to link. It takes some 100 ms.
	linkTimeout = 20 * time.Second
	// settleTimeout is how long bounded cascades may go on after the last root. It takes
	// milliseconds.
	settleTimeout = 10 * time.Second
	// closeTimeout is how long handling what is queued may take. It takes less than a second.
	closeTimeout = 20 * time.Second
)

// runner is a run under way.
type runner struct {
	Options
	*weather
	neighbours neighbours
	nodes      inproc.Nodes
	result     Trial
}

func newRunner(o Options, bounds mesh.Cascade) *runner {
	return &runner{Options: o, weather: newWeather(o.Cap), neighbours: newNeighbours(), result: newTrial(bounds)}
}

// run makes one trial, on nodes of its own. Cascades that go on after the last root have so much
// time to end by themselves.
func run(ctx context.Context, o Options, bounds mesh.Cascade, patience time.Duration) (_ Trial, err error) {
	debug.FreeOSMemory() // an earlier run's heap is none of this one's
	r := newRunner(o, bounds)
	if r.nodes, err = inproc.Open(ctx, r.configs(bounds, r.neighbours)...); err != nil {
		return r.result, err
	}
	err = r.measure(ctx)
	if err == nil && !r.settle(ctx, patience) {
		r.result.EndedBy, err = Time, context.Cause(ctx)
	}
	err = errors.Join(err, r.end(ctx))
	return r.result, err
}

// end lets what is queued be handled, without anything new, closes the nodes, also when ctx has
// ended, and takes the account. It is called once.
func (r *runner) end(ctx context.Context) error {
	if r.over.Swap(true) {
		r.result.EndedBy = Cap
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := r.nodes.Close(closing); err != nil {
		return fmt.Errorf("close the nodes: %w", err)
	}
	r.result.count(r.nodes)
	r.result.Examples = r.examples.all()
	return nil
}

// measure goes through the phases. The nodes are left as they are, with the storm going on.
func (r *runner) measure(ctx context.Context) (err error) {
	ready, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	if err := r.nodes.Ready(ready); err != nil {
		return err
	}
	if _, _, err := r.quiet(ctx, min(r.For, warmUp)); err != nil {
		return err
	}
	if r.result.Quiet, r.result.QuietHeap, err = r.quiet(ctx, r.For); err != nil {
		return err
	}
	r.result.Storm, r.result.PeakHeap, err = r.storm(ctx)
	return err
}
