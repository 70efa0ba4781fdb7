package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// unbounded lets a cascade go as far as the wire format does.
var unbounded = []mesh.Cascade{{Depth: 31, Loops: 31, Descendants: 1_000_000}}

var (
	stepLooped = mesh.NewEvent[step]("core.step.looped", mesh.Key(keyOfStep), mesh.AllowLoop[step](3))
	stepForked = mesh.NewEvent[step]("core.step.forked", mesh.Key(keyOfStep))
)

// again emits an event of the same type until it is refused.
func again(e *mesh.Event[step]) func(context.Context, step) error {
	return func(ctx context.Context, s step) error { return e.Emit(ctx, step{s.Key, s.N + 1}) }
}

func TestALoopIsRefusedAtItsFirstReturnUnlessItIsDeclared(t *testing.T) {
	for _, test := range []struct {
		event   *mesh.Event[step]
		bounds  []mesh.Cascade
		handled uint64
	}{
		{stepTaken, nil, 0}, // its handler returns the refusal
		{stepLooped, nil, 3},
		{stepTaken, []mesh.Cascade{{Loops: 5}}, 5},
		{stepTaken, []mesh.Cascade{{Loops: 5}, {Root: "core.step.taken", Loops: 2}}, 2},
		{stepTaken, []mesh.Cascade{{Loops: 5}, {Root: "core.step.looped", Loops: 2}}, 5},
	} {
		box, letters := letterbox()
		n := openCore(t, mesh.Config{Cascades: test.bounds, Handlers: []mesh.Handler{box, test.event.Handle("again", again(test.event))}})
		emitStep(t, n, test.event, step{Key: "a"})
		letter := receive(t, letters)
		finish(t, n)
		wantCount(t, n, test.event.Subject(), stats.Handled, "handler again", "", test.handled)
		wantCount(t, n, test.event.Subject(), stats.Retried, "handler again", "", 0) // a refusal is final
		wantCount(t, n, test.event.Subject(), stats.Refused, "emit", "cascade-loop", 1)
		step := "core-1:" + test.event.Subject()
		if path := strings.Repeat(step+" → ", int(test.handled)+1) + step; !strings.HasSuffix(letter.Error, path) {
			t.Errorf("the letter says %q, want the path %s", letter.Error, path)
		}
	}
}

// A refusal is final however the handler ends by it.
func TestARefusalIsNotTriedAgain(t *testing.T) {
	for name, end := range map[string]func(error) error{
		"returned": func(err error) error { return err },
		"wrapped":  func(err error) error { return fmt.Errorf("go on: %w", err) },
		"joined":   func(err error) error { return errors.Join(errBroken, err) },
		"thrown":   func(err error) error { panic(err) },
	} {
		t.Run(name, func(t *testing.T) {
			n := openHandlers(t, stepTaken.Handle("again", func(ctx context.Context, s step) error { return end(stepTaken.Emit(ctx, s)) }))
			emitStep(t, n, stepTaken, step{Key: "a"})
			finish(t, n)
			wantCount(t, n, stepTaken.Subject(), stats.Failed, "handler again", "", 1)
			wantCount(t, n, stepTaken.Subject(), stats.Retried, "handler again", "", 0)
			wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "cascade-loop", 1)
		})
	}
}

func TestACascadeErrorTellsAll(t *testing.T) {
	refusals := make(chan error, 1)
	n := openHandlers(t,
		stepTaken.Handle("first", func(ctx context.Context, s step) error { return stepRepeated.Emit(ctx, s) }),
		stepRepeated.Handle("second", func(ctx context.Context, s step) error {
			refusals <- stepTaken.Emit(ctx, s)
			return nil
		}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	err := receive(t, refusals)
	var cascade mesh.CascadeError
	if !errors.Is(err, mesh.ErrCascade) || !errors.Is(err, mesh.ErrRefused) || !errors.As(err, &cascade) {
		t.Fatalf("error %v", err)
	}
	wantRefusal(t, err, "emit", "cascade-loop")
	if fmt.Sprint(cascade.Path()) != "[core-1:core.step.taken core-1:core.step.repeated core-1:core.step.taken]" ||
		cascade.Limit != 0 || cascade.Value != 1 || cascade.Root.IsZero() {
		t.Errorf("%+v, path %v", cascade, cascade.Path())
	}
}

// What a handler goes on to emit is judged by its own type, and counted each time.
func TestEachRefusalOfACallIsCounted(t *testing.T) {
	var errs []error
	n := openHandlers(t, stepTaken.Handle("go on", func(ctx context.Context, s step) error {
		for range 10 {
			errs = append(errs, stepTaken.Emit(ctx, s), stepRepeated.Emit(ctx, s), stepTaken.Emit(ctx, s))
		}
		return nil
	}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	emitStep(t, n, stepTaken, step{Key: "b"})
	finish(t, n)
	for i, err := range errs {
		if refused := i%3 != 1; refused != errors.Is(err, mesh.ErrCascade) {
			t.Fatalf("emit %d: %v", i, err)
		}
	}
	first, other := errs[0].(mesh.CascadeError), errs[30].(mesh.CascadeError)
	if first.Root == other.Root {
		t.Error("the error of another call was given")
	}
	wantCount(t, n, stepTaken.Subject(), stats.Refused, "emit", "cascade-loop", 40)
	for _, e := range n.Graph().Edges {
		if e.To == stepTaken.Subject() && e.Refused != 40 {
			t.Errorf("the edge has %d refused, want 40", e.Refused)
		}
	}
	wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", 20)
}

// fork emits four of the next type for each event.
func fork(next *mesh.Event[step]) func(context.Context, step) error {
	return func(ctx context.Context, s step) error {
		for i := range 4 {
			if err := next.Emit(ctx, step{fmt.Sprint(s.Key, i), s.N + 1}); err != nil && !errors.Is(err, mesh.ErrCascade) {
				return err
			}
		}
		return nil
	}
}

func TestDescendantsAreBoundedForEachRoot(t *testing.T) {
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Descendants: 50, Loops: 31, Depth: 31}},
		Handlers: []mesh.Handler{stepForked.Handle("fork", fork(stepForked), mesh.Workers(4))}})
	const roots = 20
	for i := range roots {
		emitStep(t, n, stepForked, step{Key: fmt.Sprint(i)})
	}
	finish(t, n)
	wantCount(t, n, stepForked.Subject(), stats.Admitted, "", "", roots*(1+50))
	if got := n.Stats().Cascades; got != (stats.Cascades{Known: roots}) {
		t.Errorf("the ledger is %+v, want %d known", got, roots)
	}
	wantCount(t, n, stepForked.Subject(), stats.Handled, "handler fork", "", roots*(1+50))
}

// A handler that fails thousands of times is tried as often as it says, and takes nothing from its
// healthy sibling, whatever it does before it fails.
func TestTriesAreNotChargedToTheCascade(t *testing.T) {
	const tries, each, siblings = 5000, 5, 40
	for name, try := range map[string]func(context.Context, step) error{
		"nothing": func(context.Context, step) error { return nil },
		"emits":   stepRepeated.Emit,
		"stages":  func(ctx context.Context, s step) error { _, err := stepRepeated.Stage(ctx, s); return err },
	} {
		t.Run(name, func(t *testing.T) {
			box, letters := letterbox()
			late, calls := make(chan struct{}), 0
			n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Descendants: siblings + each + 1}}, Handlers: []mesh.Handler{box,
				stepTaken.Handle("fail", func(ctx context.Context, s step) error {
					if calls++; calls == tries-1000 {
						close(late)
					}
					for i := range each {
						if err := try(ctx, step{s.Key, i}); err != nil {
							return err
						}
					}
					return errBroken
				}, soon(tries)),
				stepTaken.Handle("healthy", func(ctx context.Context, s step) error {
					<-late
					for i := range siblings {
						if err := stepForked.Emit(ctx, step{s.Key, i}); err != nil {
							return err
						}
					}
					return nil
				}, soon(1))}})
			emitStep(t, n, stepTaken, step{Key: "a"})
			if letter := receive(t, letters); letter.Handler != "fail" || letter.Tries != tries || letter.Error != errBroken.Error() {
				t.Errorf("%+v", letter)
			}
			finish(t, n)
			if calls != tries {
				t.Errorf("%d calls, want %d", calls, tries)
			}
			wantCount(t, n, stepTaken.Subject(), stats.Retried, "handler fail", "", tries-1)
			wantCount(t, n, stepForked.Subject(), stats.Admitted, "", "", siblings)
			wantCount(t, n, mesh.DeadLetters.Subject(), stats.Admitted, "", "", 1)
		})
	}
}

// Of all the tries of a handler a cascade pays for the last one, no less.
func TestTheLastTryIsCharged(t *testing.T) {
	refused := 0
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Descendants: 5}}, Handlers: []mesh.Handler{
		stepTaken.Handle("fragile", func(ctx context.Context, s step) error {
			for i := range 4 {
				if err := stepRepeated.Emit(ctx, step{s.Key, i}); err != nil {
					return err
				}
			}
			if refused++; refused < 3 {
				return errBroken
			}
			return nil
		}, soon(3)),
		stepRepeated.Handle("go on", func(ctx context.Context, s step) error { return stepForked.Emit(ctx, s) }, soon(1))}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	finish(t, n)
	wantCount(t, n, stepRepeated.Subject(), stats.Admitted, "", "", 4)
	wantCount(t, n, stepForked.Subject(), stats.Admitted, "", "", 1)
	wantCount(t, n, stepForked.Subject(), stats.Refused, "emit", "cascade-descendants", 3)
}

// A letter comes although its cascade is over.
func TestADeadLetterPastTheDeadline(t *testing.T) {
	box, letters := letterbox()
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Deadline: time.Nanosecond}}, Handlers: []mesh.Handler{box,
		stepTaken.Handle("late", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			for time.Since(h.Root.Time()) < 2*time.Millisecond {
				<-time.After(time.Millisecond)
			}
			return errors.New("no")
		}, soon(1))}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	receive(t, letters)
}

func TestACascadeEndsAtItsDeadline(t *testing.T) {
	late := make(chan error, 1)
	n := openCore(t, mesh.Config{Cascades: []mesh.Cascade{{Deadline: time.Nanosecond}}, Handlers: []mesh.Handler{
		stepTaken.Handle("late", func(ctx context.Context, s step) error {
			h, _ := mesh.HeaderOf(ctx)
			for time.Since(h.Root.Time()) < 2*time.Millisecond { // the id has milliseconds
				<-time.After(time.Millisecond)
			}
			late <- stepRepeated.Emit(ctx, s)
			return nil
		})}})
	emitStep(t, n, stepTaken, step{Key: "a"})
	wantRefusal(t, receive(t, late), "emit", "cascade-deadline")
}

// The worst case over nodes: three of them, each imports from the others, each
// event forks four ways to all types, loops are allowed. The whole mesh stays
// below the bound that docs/cascades.md gives: nodes × descendants + 1.
func TestTheWholeMeshStaysBelowTheBound(t *testing.T) {
	const descendants = 200
	services := []string{"a", "b", "c"}
	events := map[string]*mesh.Event[step]{}
	for _, s := range services {
		events[s] = mesh.NewEvent[step](s+".step.spread", mesh.Key(keyOfStep))
	}
	var configs []mesh.Config
	for _, s := range services {
		c := mesh.Config{Name: s + "-1", Exports: []mesh.Export{events[s].Export(mesh.Limit{})},
			Cascades: []mesh.Cascade{{Descendants: descendants, Loops: 31, Depth: 31}}}
		for _, other := range services {
			c.Handlers = append(c.Handlers, events[other].Handle("spread-"+other, fork(events[s]), mesh.Workers(4)))
			if other != s {
				c.Imports = append(c.Imports, events[other].Import(mesh.Limit{}, mesh.Shared))
			}
		}
		configs = append(configs, c)
	}
	nodes := openAll(t, configs...)
	if err := events["a"].Emit(nodes[0].Context(context.Background()), step{Key: "k"}); err != nil {
		t.Fatal(err)
	}
	var before uint64
	await(t, "the storm to end", func() bool {
		emitted, waiting := uint64(0), int64(0)
		for _, n := range nodes {
			s := n.Stats()
			emitted += s.Total(stats.Delivered) + s.Total(stats.Refused)
			waiting += s.Waiting
		}
		still := waiting == 0 && emitted == before && emitted > 0
		before = emitted
		return still && refusedByBudget(nodes) == len(nodes)
	})
	total := emittedIn(nodes)
	if bound := uint64(len(nodes)*descendants + 1); total > bound || total < bound/4 {
		t.Errorf("%d events, the bound is %d", total, bound)
	}
}

func refusedByBudget(nodes inproc.Nodes) (count int) {
	for _, n := range nodes {
		if find(n, stats.Refused, "cascade-descendants").Count > 0 {
			count++
		}
	}
	return count
}

// emittedIn counts the events that came to be, on the nodes that emitted them.
func emittedIn(nodes inproc.Nodes) (sum uint64) {
	for _, n := range nodes {
		own := strings.TrimSuffix(n.Name(), "-1") + ".step.spread"
		sum += n.Stats().Of(own, stats.Admitted)
	}
	return sum
}
