package clue

import (
	"context"
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
	seen []any // guarded by mu
}

// start runs the service on a node with nobody else. Close it, or let the test's end do so.
func start(t *testing.T, dir string, hunt *huntfile.Hunt) *rig {
	t.Helper()
	s, err := New(Config{Data: mesh.Path(dir), HTTP: "127.0.0.1:0"}, hunt)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	config := mesh.Config{Name: "clue-1", CodecCheck: true, Handlers: []mesh.Handler{
		Judged.Handle("see-judged", func(_ context.Context, e AnswerJudged) error { return r.note(e) }),
		Solved.Handle("see-solved", func(_ context.Context, e ClueSolved) error { return r.note(e) }),
		Hinted.Handle("see-hinted", func(_ context.Context, e HintTaken) error { return r.note(e) }),
	}}
	s.Declare(&config)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	nodes, err := mesh.OpenAll(ctx, config)
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

func (r *rig) note(event any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, event)
	return nil
}

// events waits until the node has nothing to do, and returns the events of type E so far.
func events[E any](r *rig) []E {
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
	var found []E
	for _, e := range r.seen {
		if e, ok := e.(E); ok {
			found = append(found, e)
		}
	}
	return found
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

// open opens clues to a team, as hunt would.
func (r *rig) open(team string, clues ...string) {
	r.t.Helper()
	if err := r.handleUnlocked(r.ctx, CluesUnlocked{Team: team, Clues: clues, At: 1}); err != nil {
		r.t.Fatal(err)
	}
}

// answer submits a guess and returns its verdict.
func (r *rig) answer(team, clue, guess string, at time.Time) Judgement {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	j, err := r.Answer(ctx, Submission{Team: team, Clue: clue, Guess: guess, At: at})
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}
