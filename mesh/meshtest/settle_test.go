package meshtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// Nothing is left to come after Settle: every count is final at once.
func TestSettleWaitsForTheWholeCascade(t *testing.T) {
	m := meshtest.Open(t, clueNode(),
		scoreNode("score-1", mesh.Shared), scoreNode("score-2", mesh.Shared), // one of them gets an event
		boardNode("board-1"), boardNode("board-2")) // each gets it
	for round := 1; round <= 20; round++ {
		for i := range 10 {
			emit(t, m, "clue-1", guessed, guess{fmt.Sprint("team-", i), "stork"})
		}
		m.Settle(t)
		count := func(node string, e *mesh.Event[points]) int { return len(meshtest.Events(t, m, node, e)) }
		want := round * 10
		shared, first, second := count("score-1", awarded)+count("score-2", awarded), count("board-1", shown), count("board-2", shown)
		if shared != want || first != want || second != want {
			t.Fatalf("round %d: %d, %d and %d events, want %d each", round, shared, first, second, want)
		}
	}
	meshtest.AssertNoneLost(t, m)
}

var shown = mesh.NewEvent("board.points.shown", mesh.Key(func(p points) string { return p.Team }))

// boardNode shows each solve, whichever other instance does, too.
func boardNode(name string) mesh.Config {
	return mesh.Config{Name: name,
		Imports: []mesh.Import{solved.Import(mesh.Limit{}, mesh.Each)},
		Handlers: []mesh.Handler{solved.Handle("show", func(ctx context.Context, s solve) error {
			return shown.Emit(ctx, points{Team: s.Team, Points: 1})
		})}}
}

func TestSettleWithoutEvents(t *testing.T) {
	meshtest.Open(t, clueNode(), scoreNode("score-1", mesh.Shared)).Settle(t)
}

// What the importer's limit does not take, and its exporter does not send, is done with all the
// same.
func TestSettleCountsWhatAnImportDoesNotTake(t *testing.T) {
	score := scoreNode("score-1", mesh.Shared)
	score.Imports[0].Limit = mesh.Limit{Rate: mesh.Per(1, 1e12), Burst: 1, Policy: mesh.Shed}
	m := meshtest.Open(t, clueNode(), score)
	for range 5 {
		emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	}
	m.Settle(t)
	if got := meshtest.Events(t, m, "score-1", solved); len(got) != 1 {
		t.Errorf("%d events passed the limit of 1", len(got))
	}
	wantFailure(t, func(t testing.TB) { meshtest.AssertNoneLost(t, m) },
		"clue-1: 4 clue.clue.solved shed at export by reader-limit")
}

// With the default redelivery an event comes again for longer than a test waits.
func TestWaitsSayWhatFailsAndComesAgain(t *testing.T) {
	m := meshtest.Settings{Limit: time.Second}.Open(t,
		mesh.Config{Name: "clue-1", Exports: []mesh.Export{{Event: solved.Subject(), KeptFor: []string{"score"}}}},
		mesh.Config{Name: "score-1", Imports: []mesh.Import{{Event: solved.Subject(), Durable: true}},
			Handlers: []mesh.Handler{solved.Handle("score", func(context.Context, solve) error { return errors.New("no such team") })}})
	emit(t, m, "clue-1", solved, solve{"otters", "stork"})
	want := []string{"score-1: clue.clue.solved fails at handler score, ", ": no such team", "mesh.Final"}
	wantFailure(t, func(t testing.TB) { m.Settle(t) }, append(want, "not settled after 1s")...)
	wantFailure(t, func(t testing.TB) { meshtest.AwaitCount(t, m, "score-1", awarded, 1) }, append(want, "not enough after 1s")...)
}

func TestSettleFailsWhileAHandlerRuns(t *testing.T) {
	release := make(chan struct{})
	m := brief.Open(t, mesh.Config{Name: "clue-1", Handlers: []mesh.Handler{
		guessed.Handle("stuck", func(context.Context, guess) error { <-release; return nil }),
	}})
	emit(t, m, "clue-1", guessed, guess{"otters", "stork"})
	wantFailure(t, func(t testing.TB) { m.Settle(t) }, "not settled after 300ms", "clue-1: 1 events are queued or being handled")
	close(release)
	m.Settle(t)
}
