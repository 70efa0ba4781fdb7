package replay

import (
	"context"
	"strings"
	"testing"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/guesslog/testlog"
	"leafmesh/services/clue"
)

// openSmall opens nodes with the hunt of the small log, and lets its teams join. The test's end
// closes them, and gives the error to closed.
func openSmall(t *testing.T, closed func(error)) (*Local, *guesslog.Log, guesslog.Derived) {
	t.Helper()
	log, hunt := read(t, testlog.Small(t).Path)
	local, err := OpenLocal(t.Context(), hunt.Hunt, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(local.Close(context.Background())) })
	if err := local.Join(t.Context(), log.Teams(), len(hunt.Hunt.Clues)); err != nil {
		t.Fatal(err)
	}
	return local, log, hunt
}

// well says that closing must go well.
func well(t *testing.T) func(error) {
	return func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
}

// Solves that clue counted and score did not are an error and not a leaderboard with less in it. A
// solve that comes twice does not stand in for one that is lost, and is no error where none is.
func TestLocalNoticesLostSolves(t *testing.T) {
	local, log, hunt := openSmall(t, well(t))
	if err := local.AwaitSolves(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := local.AwaitSolves(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "hunt has 0 and score has 0 of them") {
		t.Errorf("got %v", err)
	}
	solve := clue.ClueSolved{Team: log.Teams()[0].Name, Clue: hunt.Hunt.Clues[0].ID, At: 1_700_000_000_000}
	for range 2 {
		if err := clue.Solved.Emit(local.Nodes[0].Context(t.Context()), solve); err != nil {
			t.Fatal(err)
		}
	}
	if err := local.AwaitSolves(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "hunt has 1 and score has 1 of them") {
		t.Errorf("of a solve that came twice and one that was lost: %v", err)
	}
	if err := local.AwaitSolves(t.Context(), 1); err != nil {
		t.Errorf("of a solve that came twice: %v", err)
	}
}

func TestLocalNoticesTeamsWithoutClues(t *testing.T) {
	local, log, hunt := openSmall(t, well(t))
	err := local.Join(t.Context(), log.Teams()[:1], len(hunt.Hunt.Clues)+1)
	if err == nil || !strings.Contains(err.Error(), "has 8 of 9 clues open") {
		t.Errorf("got %v", err)
	}
}

// A guess that cannot be judged, because the database is gone, ends the replay at once and by name.
func TestLocalNoticesGuessesThatFail(t *testing.T) {
	local, log, hunt := openSmall(t, func(err error) {
		if err == nil || !strings.Contains(err.Error(), "count what waits to be relayed to node clue-1") {
			t.Errorf("closing without the database: %v", err)
		}
	})
	if err := local.Clue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := newVerdicts(1)
	g := log.Guesses[0]
	if err := local.Submit(t.Context(), g, hunt.Clues[g.Puzzle], func(v clue.Verdict) { seen.add(g, v) }); err != nil {
		t.Fatal(err)
	}
	err := awaitVerdicts(t.Context(), local, seen)
	if err == nil || !strings.Contains(err.Error(), "clue-1: 1 clue.answer.submitted failed at handler judge") {
		t.Errorf("got %v", err)
	}
}
