package mesh_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/stats"
)

// step is the value of the events that the tests of the local core emit.
type step struct {
	Key string `cbor:"1,keyasint"`
	N   int    `cbor:"2,keyasint"`
}

func keyOfStep(s step) string { return s.Key }

var (
	stepTaken    = mesh.NewEvent[step]("core.step.taken", mesh.Key(keyOfStep))
	stepRepeated = mesh.NewEvent[step]("core.step.repeated", mesh.Key(keyOfStep))
)

// waitLimit is only spent by tests that fail.
const waitLimit = time.Minute

// openCore opens a node of its own for a test and closes it afterwards. Later
// closing is no error, so a test may close the node itself.
func openCore(t testing.TB, c mesh.Config) *mesh.Node {
	t.Helper()
	c.Name = "core-1"
	nodes, err := inproc.Open(t.Context(), c) // without a port, also with exports
	if err != nil {
		t.Fatal(err)
	}
	n := nodes[0]
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
		defer cancel()
		// Tests of Close check its error; the first one's is given again here.
		_ = n.Close(ctx)
	})
	return n
}

// openHandlers is openCore for handlers alone.
func openHandlers(t testing.TB, handlers ...mesh.Handler) *mesh.Node {
	t.Helper()
	return openCore(t, mesh.Config{Handlers: handlers})
}

// closeWithin closes a node and gives the error.
func closeWithin(n *mesh.Node, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return n.Close(ctx)
}

// finish closes a node that has time enough to end everything.
func finish(t testing.TB, n *mesh.Node) {
	t.Helper()
	if err := closeWithin(n, waitLimit); err != nil {
		t.Fatal(err)
	}
}

func emitStep(t testing.TB, n *mesh.Node, e *mesh.Event[step], s step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	if err := e.Emit(n.Context(ctx), s); err != nil {
		t.Fatalf("emit %+v: %v", s, err)
	}
}

// waitUntil waits for a condition that nothing announces.
func waitUntil(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("after %v still not: %s", waitLimit, what)
		}
	}
}

// receive gives the next value of a channel, or fails.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(waitLimit):
		t.Fatalf("nothing came within %v", waitLimit)
		panic("unreachable")
	}
}

// counted sums one outcome of a type at a place, by any rule or by one.
func counted(n *mesh.Node, subject string, outcome stats.Outcome, place, rule string) (sum uint64) {
	for _, c := range n.Stats().Counts {
		if c.Type == subject && c.Outcome == outcome && c.Place == place && (rule == "" || c.Rule == rule) {
			sum += c.Count
		}
	}
	return sum
}

// wantCount fails unless a counter comes to a value: what is counted last may still be under way
// when the test has seen all that it waited for.
func wantCount(t testing.TB, n *mesh.Node, subject string, outcome stats.Outcome, place, rule string, want uint64) {
	t.Helper()
	got, until := counted(n, subject, outcome, place, rule), time.Now().Add(waitLimit)
	for got < want && time.Now().Before(until) {
		time.Sleep(time.Millisecond)
		got = counted(n, subject, outcome, place, rule)
	}
	if got != want {
		t.Errorf("%s %s at %q by %q: %d, want %d", subject, outcome, place, rule, got, want)
	}
}

// wantRefusal fails unless err is a refusal by the rule at the place.
func wantRefusal(t testing.TB, err error, place, rule string) {
	t.Helper()
	var refused mesh.RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, mesh.ErrRefused) {
		t.Fatalf("%v is no refusal", err)
	}
	if refused.Place != place || refused.Rule != rule {
		t.Errorf("refused at %s by %s, want at %s by %s", refused.Place, refused.Rule, place, rule)
	}
}

// gatedHandler makes a handler that says which event it has and then waits until
// the gate is closed. With it a test fills queues to an exact depth.
func gatedHandler(name string, e *mesh.Event[step], gate <-chan struct{}, options ...mesh.HandlerOption) (mesh.Handler, <-chan step) {
	begun := make(chan step, 1<<14)
	return e.Handle(name, func(ctx context.Context, s step) error {
		begun <- s
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return nil
	}, options...), begun
}
