package hunt

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/huntfile"
)

// patience bounds every wait of these tests; no wait ends by it unless something is broken.
const patience = 20 * time.Second

// rig is the service on a node of its own, with everything it emits written down.
type rig struct {
	*Service
	t    *testing.T
	ctx  context.Context // of the node
	node *mesh.Node
	mu   sync.Mutex
	seen []string // guarded by mu
}

// start runs the service on a node with nobody else. Stop it, or let the test's end do so.
func start(t *testing.T, config Config, hunt *huntfile.Hunt) *rig {
	t.Helper()
	config.HTTP = "127.0.0.1:0"
	s, err := New(config, hunt)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	node := mesh.Config{Name: "hunt-1", CodecCheck: true, Handlers: []mesh.Handler{
		Unlocked.Handle("see-unlocked", func(_ context.Context, e ClueUnlocked) error { return r.note("%s unlocked %v", e.Team, e.Clues) }),
		Progressed.Handle("see-progressed", func(_ context.Context, e ProgressChanged) error {
			return r.note("%s progressed %d/%d of %d", e.Team, e.Solved, e.Unlocked, e.Total)
		}),
		Finished.Handle("see-finished", func(_ context.Context, e TeamFinished) error {
			return r.note("%s finished with %d at %d", e.Team, e.Solves, e.At)
		}),
	}}
	s.Declare(&node)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	nodes, err := mesh.OpenAll(ctx, node)
	if err != nil {
		t.Fatal(err)
	}
	r.node, r.ctx = nodes[0], nodes[0].Context(ctx)
	if err := s.Serve(ctx, r.node); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// stop stops everything in the order of a daemon. A second call does nothing.
func (r *rig) stop() {
	if r.node == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, stop := range []func(context.Context) error{r.StopServing, r.node.Close, r.Service.Close} {
		if err := stop(ctx); err != nil {
			r.t.Error(err)
		}
	}
	r.node = nil
}

func (r *rig) note(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, fmt.Sprintf(format, args...))
	return nil
}

// expect waits until the node has nothing to do and compares what was emitted since the last time, in any order.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	deadline := time.After(patience)
	for !r.idle() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			r.t.Fatal("the node does not come to rest")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.seen
	r.seen = nil
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("emitted %q\nwant    %q", got, want)
	}
}

// idle reports whether the node has nothing to do. It looks twice: the first look may come between a handler that has
// ended and one that its events have just reached.
func (r *rig) idle() bool {
	for range 2 {
		if r.node.Stats().Waiting > 0 {
			return false
		}
	}
	return true
}

// solve tells the service of a solve, as clue would.
func (r *rig) solve(team, clue string, at int64) {
	r.t.Helper()
	if err := Solved.Emit(r.ctx, ClueSolved{Team: team, Clue: clue, At: at}); err != nil {
		r.t.Fatal(err)
	}
}

// join lets a team join.
func (r *rig) join(team string) (isNew bool) {
	r.t.Helper()
	isNew, err := r.Join(r.ctx, team, time.UnixMilli(1))
	if err != nil {
		r.t.Fatal(err)
	}
	return isNew
}

func (r *rig) count(query string) (n int) {
	r.t.Helper()
	if err := r.records.db.Read().QueryRow(query).Scan(&n); err != nil {
		r.t.Fatal(err)
	}
	return n
}
