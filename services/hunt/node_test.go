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
	"leafmesh/services/servicetest"
)

// rig is the service on a node of its own, with everything it emits written down.
type rig struct {
	*Service
	*servicetest.Run
	t    *testing.T
	mu   sync.Mutex
	seen []string // guarded by mu
}

// start runs the service on a node, beside handlers of the test, linked to a node of clue without a
// service. Stop it, or let the test's end do so.
func start(t *testing.T, config Config, hunt *huntfile.Hunt, others ...mesh.Handler) *rig {
	t.Helper()
	config.HTTP = "127.0.0.1:0"
	s, err := New(config, hunt)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	r.Run = servicetest.Start(t, s, mesh.Config{Name: "hunt-1", CodecCheck: true, Imports: []mesh.Import{Solved.Import(mesh.Limit{}, mesh.Shared)}, Handlers: append([]mesh.Handler{
		Unlocked.Handle("see-unlocked", func(_ context.Context, e ClueUnlocked) error { return r.note("%s unlocked %v", e.Team, e.Clues) }),
		Progressed.Handle("see-progressed", func(_ context.Context, e ProgressChanged) error {
			return r.note("%s progressed %d/%d of %d", e.Team, e.Solved, e.Unlocked, e.Total)
		}),
		Finished.Handle("see-finished", func(_ context.Context, e TeamFinished) error {
			return r.note("%s finished with %d at %d", e.Team, e.Solves, e.At)
		}),
	}, others...)}, mesh.Config{Name: "clue-1", Exports: []mesh.Export{Solved.Export(mesh.Limit{})}})
	return r
}

// inClue is a context of clue's node.
func (r *rig) inClue() context.Context { return r.Nodes.Node("clue-1").Context(r.Ctx) }

func (r *rig) note(format string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, fmt.Sprintf(format, args...))
	return nil
}

// expect waits until the node has nothing to do and compares what was emitted since the last time,
// in any order.
func (r *rig) expect(want ...string) {
	r.t.Helper()
	r.Rest()
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

// solve tells the service of a solve, as clue would.
func (r *rig) solve(team, clue string, at int64) {
	r.t.Helper()
	if err := Solved.Emit(r.inClue(), ClueSolved{Team: team, Clue: clue, At: at}); err != nil {
		r.t.Fatal(err)
	}
}

// join lets a team join.
func (r *rig) join(team string) (isNew bool) {
	r.t.Helper()
	isNew, err := r.Join(r.Ctx, team, time.UnixMilli(1))
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

// exec changes the database from outside.
func (r *rig) exec(statement string) {
	r.t.Helper()
	if _, err := r.records.db.ExecContext(r.Ctx, statement); err != nil {
		r.t.Fatal(err)
	}
}
