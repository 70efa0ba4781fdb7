package storm

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leafmesh/embedded/measure"
	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

// What the guard makes of each root, whatever the machine's speed: the budget of each node is spent
// to the last event, and the circle is refused when it comes back to node a. Charged beside the
// trees are the circle's events, where they are emitted and where they are imported.
const (
	eventsPerRoot = 1 + 3 + 3*(1000-2)
	loopsPerRoot  = 1
)

func TestTheGuardBoundsTheStorm(t *testing.T) {
	defer goleak.VerifyNone(t)
	r, err := Run(t.Context(), Options{Rate: 10, For: time.Second, Cap: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	on, off := r.On, r.Off
	if on.EndedBy != Itself || on.Roots == 0 || on.Handled != uint64(on.Roots*eventsPerRoot) || on.Handled > on.Allowed || on.Lost != 0 {
		t.Errorf("with the guard on: %+v; want %d events a root", on, eventsPerRoot)
	}
	if on.Allowed != uint64(on.Roots)*3001 {
		t.Errorf("%d events are allowed, want nodes × descendants + 1 for each of %d roots", on.Allowed, on.Roots)
	}
	if got := slices.Sorted(maps.Keys(on.Refused)); !slices.Equal(got, []string{"cascade-descendants", "cascade-loop"}) ||
		on.Refused["cascade-loop"] != uint64(on.Roots*loopsPerRoot) || on.Refused["cascade-descendants"] == 0 {
		t.Errorf("refused: %v", on.Refused)
	}
	if off.EndedBy == Itself || off.Handled == 0 || off.Refused["cascade-loop"] != 0 || off.Refused["cascade-descendants"] != 0 {
		t.Errorf("with the guard off: %+v", off)
	}
	for name, trial := range map[string]Trial{"off": off, "on": on} {
		for phase, h := range map[string]measure.Handling{"quiet": trial.Quiet, "storm": trial.Storm} {
			if h.Events == 0 || h.Mean <= 0 || h.P99 <= 0 {
				t.Errorf("%s, %s: %+v", name, phase, h)
			}
		}
		if trial.QuietHeap == 0 || trial.PeakHeap == 0 || trial.Factor != float64(trial.Storm.Mean/trial.Quiet.Mean) {
			t.Errorf("%s: %+v", name, trial)
		}
	}
	if r.Held != (on.Factor <= MaxFactor) || !strings.Contains(r.Summary, "With the guard on") {
		t.Errorf("held %v, %s", r.Held, r.Summary)
	}
	loop := "a-1:a.storm.started → a-1:a.ring.passed → b-1:b.ring.passed → c-1:c.ring.passed → a-1:a.ring.passed"
	if text := on.Examples["cascade-loop"]; !strings.HasSuffix(text, loop) {
		t.Errorf("the example of a loop is %q", text)
	}
	if text := on.Examples["cascade-descendants"]; !strings.Contains(text, "1001 is over 1000") || !strings.Contains(text, ".branch1.grown → ") {
		t.Errorf("the example of too many descendants is %q", text)
	}
}

// The bounds that the result states for the guard are those that a node has without any
// configuration.
func TestTheGuardIsTheDefault(t *testing.T) {
	refusals := make(chan error, 1)
	s := services[0]
	node, err := mesh.Open(t.Context(), mesh.Config{Name: "a-1", Handlers: []mesh.Handler{
		s.started.Handle("many", func(ctx context.Context, v spark) error {
			for i := 0; ; i++ {
				if err := s.branches[0].Emit(ctx, v); err != nil {
					refusals <- err
					return nil
				}
			}
		}),
		s.branches[0].Handle("take", func(context.Context, spark) error { return nil }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.started.Emit(node.Context(t.Context()), spark{}); err != nil {
		t.Fatal(err)
	}
	var refused mesh.CascadeError
	if err := <-refusals; !errors.As(err, &refused) || refused.Limit != int64(guardOn.Descendants) {
		t.Errorf("a node without configuration says %v; want %d descendants", err, guardOn.Descendants)
	}
	if err := node.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A single root sets off more without the guard than it could with it, however slow the machine is.
func TestWithoutTheGuardOneRootGoesOn(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := newRunner(Options{Cap: 2 * eventsPerRoot}, guardOff)
	var err error
	if r.nodes, err = inproc.Open(t.Context(), r.configs(guardOff, r.neighbours)...); err != nil {
		t.Fatal(err)
	}
	if err := r.nodes.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := services[0].started.Emit(r.nodes[0].Context(t.Context()), spark{}); err != nil {
		t.Fatal(err)
	}
	r.settle(t.Context(), settleTimeout)
	if err := r.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.result.EndedBy != Cap {
		t.Errorf("%d events handled, then it ended by itself", r.result.Handled)
	}
}

func TestTheCapEndsAStorm(t *testing.T) {
	defer goleak.VerifyNone(t)
	const limit = 5000
	start := time.Now()
	o := Options{Rate: 1000, For: time.Minute, Cap: limit}
	r, err := runStorm(t.Context(), o)
	if err != nil || r.result.EndedBy != Cap {
		t.Fatalf("%v, %+v", err, r.result)
	}
	if took := time.Since(start); took > o.For/2 {
		t.Errorf("the cap ended the storm only after %v", took)
	}
	// What was emitted before the cap was reached is handled, and no more.
	if r.result.Handled < limit || r.handled.Load() != int64(r.result.Handled) {
		t.Errorf("%d events handled by the nodes' counters, %d by the handlers'; want at least %d", r.result.Handled, r.handled.Load(), limit)
	}
}

// runStorm is run without a quiet time.
func runStorm(ctx context.Context, o Options) (r *runner, err error) {
	r = newRunner(o, guardOff)
	if r.nodes, err = inproc.Open(ctx, r.configs(guardOff, r.neighbours)...); err != nil {
		return r, err
	}
	if err = r.nodes.Ready(ctx); err == nil {
		_, _, err = r.storm(ctx)
	}
	return r, errors.Join(err, r.end(ctx))
}

func TestARunStopsWhenInterrupted(t *testing.T) {
	cause := errors.New("interrupted")
	for name, phase := range map[string]func(*runner, context.Context) error{
		"quiet": func(r *runner, ctx context.Context) error { _, _, err := r.quiet(ctx, time.Hour); return err },
		"storm": func(r *runner, ctx context.Context) error { _, _, err := r.storm(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			r := newRunner(Options{Rate: 1000, For: time.Hour, Cap: DefaultCap}, guardOff)
			var err error
			if r.nodes, err = inproc.Open(t.Context(), r.configs(guardOff, r.neighbours)...); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, cause)
			defer cancel()
			if err := phase(r, ctx); !errors.Is(err, cause) {
				t.Errorf("error %v", err)
			}
			if err := r.end(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := Run(ctx, Options{Rate: 1, For: time.Hour, Cap: 1}); err == nil || !strings.Contains(err.Error(), "guard off") {
		t.Errorf("interrupted before it began: %v", err)
	}
}

func TestSettleWaitsForWhatIsBeingHandled(t *testing.T) {
	r := newRunner(Options{Cap: DefaultCap}, guardOn)
	var err error
	if r.nodes, err = inproc.Open(t.Context(), r.configs(guardOn, r.neighbours)...); err != nil {
		t.Fatal(err)
	}
	busy := r.neighbours[1]
	busy.mu.Lock() // its handler waits
	busy.pending.Add(1)
	if err := busy.service.read.Emit(r.nodes[1].Context(t.Context()), reading{}); err != nil {
		t.Fatal(err)
	}
	if r.settle(t.Context(), 100*time.Millisecond) {
		t.Error("settled while a handler runs")
	}
	busy.mu.Unlock()
	if !r.settle(t.Context(), settleTimeout) {
		t.Error("not settled although nothing is on its way")
	}
	if err := r.end(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestExamplesKeepTheFirstOfEachRule(t *testing.T) {
	first := mesh.CascadeError{RefusedError: mesh.RefusedError{Rule: "cascade-loop", Type: "a.ring.passed"}}
	var e examples
	for _, err := range []error{mesh.RefusedError{Rule: "queue-full", Type: "first"}, mesh.RefusedError{Rule: "queue-full", Type: "second"}, context.Canceled} {
		e.keep(err)
	}
	if ruleOf(first) != "cascade-loop" {
		t.Errorf("the rule of %T is %q", first, ruleOf(first))
	}
	if all := e.all(); len(all) != 1 || !strings.Contains(all["queue-full"], "first") {
		t.Errorf("kept: %v", all)
	}
}

func TestSummary(t *testing.T) {
	r := Result{Held: true,
		Off: Trial{Roots: 125, Handled: 12_887_328, EndedBy: Time, Quiet: measure.Handling{Mean: 5.4}, Storm: measure.Handling{Mean: 32_076.4}},
		On:  Trial{Roots: 124, Handled: 371_752, EndedBy: Itself, Quiet: measure.Handling{Mean: 5}, Storm: measure.Handling{Mean: 5.6}, Factor: 1.12}}
	want := "With the guard off, 125 root events set off 12.9 million events, which went on when the time was up; " +
		"the neighbour's mean handling time went from 5.4 µs to 32.1 ms. With the guard on, 124 set off 372 thousand, and each cascade " +
		"came to its end; it went from 5.0 µs to 5.6 µs, 1.1 times its quiet value, so the aim of at most twice held."
	if got := r.summarize(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Held, r.On.Factor, r.Off.EndedBy, r.Off.Handled = false, 2.1, Cap, 5000
	for _, want := range []string{"5000 events, where the safety cap ended it", "2.1 times its quiet value, so the aim of at most twice was missed"} {
		if got := r.summarize(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
