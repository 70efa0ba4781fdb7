package meshtest

import (
	"context"
	"testing"
)

// Settle waits until the mesh is at rest: no event is queued, being handled or staged on
// any node, and none is on its way over a link. Then all that was caused by what was
// emitted before has happened. When the time limit is over the test fails with what still
// moves. It is [inproc.Nodes.Settle], which says how it knows.
//
// What only the test knows is left out, so it holds if no goroutine of the test emits
// meanwhile, and no handler waits for one; and if all links live and no node was closed:
// what was sent to one that is gone never arrives, and Settle fails.
func (m *Mesh) Settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), m.limit)
	defer cancel()
	if err := m.Nodes.Settle(ctx); err != nil {
		t.Fatalf("meshtest: not settled after %v: %v", m.limit, err)
	}
}
