package servicetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/services/daemon"
)

// Patience bounds every wait; no wait ends by it unless something is broken.
const Patience = 20 * time.Second

// Run is a service that runs for a test.
type Run struct {
	// Nodes are the service's node, the first, and those it is linked to.
	Nodes inproc.Nodes
	// Ctx belongs to the service's node: what is emitted with it is a root event there. It ends
	// with the test, or after three times Patience.
	Ctx context.Context

	t       testing.TB
	service daemon.Service
	stopped bool
}

// Start runs a service on a node, linked to nodes of others, and returns when they are linked and
// its HTTP API serves. The test's end stops it. What fails, here or at the stop, fails the test.
func Start(t testing.TB, service daemon.Service, node mesh.Config, others ...mesh.Config) *Run {
	t.Helper()
	service.Declare(&node)
	ctx, cancel := context.WithTimeout(context.Background(), 3*Patience)
	t.Cleanup(cancel)
	r := &Run{t: t, service: service}
	t.Cleanup(r.Stop)
	var err error
	if r.Nodes, err = inproc.Open(ctx, append([]mesh.Config{node}, others...)...); err != nil {
		t.Fatal(err)
	}
	r.Ctx = r.Nodes[0].Context(ctx)
	if err := r.Nodes.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := service.Serve(ctx, r.Nodes[0]); err != nil {
		t.Fatal(err)
	}
	return r
}

// Stop stops everything in the order of a daemon. A second call does nothing.
func (r *Run) Stop() {
	r.t.Helper()
	if r.stopped {
		return
	}
	r.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	err := r.service.StopServing(ctx)
	r.service.StopRelaying()
	if err := errors.Join(err, r.Nodes.Close(ctx), r.service.Close(ctx)); err != nil {
		r.t.Error(err)
	}
}

// Await waits until a condition holds; what says which in the test's failure.
func (r *Run) Await(what string, condition func() bool) {
	r.t.Helper()
	deadline := time.After(Patience)
	for !condition() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			r.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Rest waits until the service's node has nothing to do, and its outbox is empty.
func (r *Run) Rest() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.Ctx, Patience)
	defer cancel()
	if err := r.Nodes.Settle(ctx); err != nil {
		r.t.Fatal(err)
	}
}
