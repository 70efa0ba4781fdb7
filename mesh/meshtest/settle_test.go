package meshtest_test

import (
	"context"
	"fmt"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// Nothing is left to come after Settle: every count is final at once.
func TestSettleWaitsForTheWholeCascade(t *testing.T) {
	m := meshtest.Open(t, clueNode(),
		scoreNode("score-1", mesh.Shared), scoreNode("score-2", mesh.Shared), // one of them gets an event
		scoreNode("board-1", mesh.Each), scoreNode("board-2", mesh.Each)) // each gets it
	for round := 1; round <= 20; round++ {
		for i := range 10 {
			emit(t, m, "clue-1", guessed, guess{fmt.Sprint("team-", i), "stork"})
		}
		m.Settle(t)
		count := func(node string) int { return len(meshtest.Events(t, m, node, awarded)) }
		want := round * 10
		if shared := count("score-1") + count("score-2"); shared != want || count("board-1") != want || count("board-2") != want {
			t.Fatalf("round %d: %d, %d and %d events, want %d each", round, shared, count("board-1"), count("board-2"), want)
		}
	}
	meshtest.AssertNoneLost(t, m)
}

func TestSettleWithoutEvents(t *testing.T) {
	meshtest.Open(t, clueNode(), scoreNode("score-1", mesh.Shared)).Settle(t)
}

// What the importer's own limit drops has arrived all the same.
func TestSettleCountsWhatAnImportDrops(t *testing.T) {
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
		"score-1: 4 clue.clue.solved shed at import by import-limit")
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
