package clue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/services/daemon"
	"leafmesh/services/huntfile"
	"leafmesh/services/servicetest"
)

// rig is the service on a node of its own, with everything it emits written down.
type rig struct {
	*Service
	*servicetest.Run
	t    *testing.T
	mu   sync.Mutex
	seen []any // guarded by mu
}

// start runs the service on a node with nobody else. Stop it, or let the test's end do so.
func start(t *testing.T, dir string, hunt *huntfile.Hunt) *rig {
	t.Helper()
	s, err := New(Config{Config: daemon.Config{Data: mesh.Path(dir), HTTP: "127.0.0.1:0"}}, hunt)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Service: s, t: t}
	r.Run = servicetest.Start(t, s, mesh.Config{Name: "clue-1", CodecCheck: true, Handlers: []mesh.Handler{
		Judged.Handle("see-judged", func(_ context.Context, e AnswerJudged) error { return r.note(e) }),
		Solved.Handle("see-solved", func(_ context.Context, e ClueSolved) error { return r.note(e) }),
		Hinted.Handle("see-hinted", func(_ context.Context, e HintTaken) error { return r.note(e) }),
	}})
	return r
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
	r.Rest()
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

// open opens clues to a team, as hunt would.
func (r *rig) open(team string, clues ...string) {
	r.t.Helper()
	if err := r.handleUnlocked(r.Ctx, CluesUnlocked{Team: team, Clues: clues, At: 1}); err != nil {
		r.t.Fatal(err)
	}
}

// answer submits a guess and returns its verdict.
func (r *rig) answer(team, clue, guess string, at time.Time) Judgement {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.Ctx, servicetest.Patience)
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
