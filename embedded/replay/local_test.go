package replay

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"leafmesh/embedded/guesslog"
	"leafmesh/embedded/guesslog/testlog"
)

// TestLocal replays each log on three nodes, state on disk, and checks the result against the log
// itself and, for a real one, against what its organisers published.
func TestLocal(t *testing.T) {
	for _, known := range testlog.All(t) {
		t.Run(known.Name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			log, hunt := read(t, known.Path)
			result := replayLocally(t, log, hunt)
			t.Logf("%d guesses in %.2f s", result.Guesses, result.ElapsedSeconds)
			checkCounts(t, result, known)
			checkNodes(t, result, len(log.Teams()))
			solves, points := solvesOf(result.Leaderboard)
			compare(t, "the log's Y rows", solves, solvesInLog(log))
			compare(t, "points", points, solves)
			if known.Board != "" {
				compare(t, "bigboard.csv", solves, solvesOnBoard(t, known.Board))
			}
			checkOrder(t, result.Leaderboard, log)
		})
	}
}

func read(t testing.TB, path string) (*guesslog.Log, guesslog.Derived) {
	t.Helper()
	log, err := guesslog.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	hunt, err := guesslog.Derive(log)
	if err != nil {
		t.Fatal(err)
	}
	return log, hunt
}

func replayLocally(t testing.TB, log *guesslog.Log, hunt guesslog.Derived) Result {
	t.Helper()
	ctx := context.Background()
	local, err := OpenLocal(ctx, hunt.Hunt, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(ctx, local, log, hunt, Options{})
	if err != nil {
		t.Error(err)
	}
	if err := local.Close(ctx); err != nil {
		t.Error(err)
	}
	return result
}

func checkCounts(t *testing.T, r Result, known testlog.Log) {
	t.Helper()
	got := [...]int{r.Guesses, r.Correct, r.Wrong, r.Mismatches, r.Skipped, r.Teams, len(r.Leaderboard)}
	want := [...]int{known.Guesses, known.Correct, known.Guesses - known.Correct, 0, known.Skipped, known.Teams, known.Solved}
	if got != want {
		t.Errorf("guesses, correct, wrong, mismatches, skipped, teams, teams on the leaderboard:\n got %v\nwant %v", got, want)
	}
}

// checkNodes checks by the counters of both sides what crossed the links and what did not.
func checkNodes(t *testing.T, r Result, teams int) {
	t.Helper()
	clue, hunt, score := r.Nodes["clue-1"], r.Nodes["hunt-1"], r.Nodes["score-1"]
	guesses, solves := uint64(r.Guesses), uint64(r.Correct)
	for _, c := range []struct {
		what      string
		got, want uint64
	}{
		{"guesses handled", clue["clue.answer.submitted"]["handled"], guesses},
		{"verdicts handled", clue["clue.answer.judged"]["handled"], guesses},
		{"solves stored", clue["clue.clue.solved"]["stored"], solves},
		{"solves imported by hunt", hunt["clue.clue.solved"]["imported"], solves},
		{"solves imported by score", score["clue.clue.solved"]["imported"], solves},
		{"announcements stored", hunt["hunt.clue.unlocked"]["stored"], uint64(teams)},
		{"announcements imported", clue["hunt.clue.unlocked"]["imported"], uint64(teams)},
		{"finishes imported", score["hunt.team.finished"]["imported"], hunt["hunt.team.finished"]["stored"]},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	private := []string{"clue.answer.submitted", "clue.answer.judged", "hunt.progress.changed", "score.points.awarded"}
	for node, counters := range r.Nodes {
		for event, outcomes := range counters {
			crossed := outcomes["exported"] + outcomes["stored"] + outcomes["imported"]
			if slices.Contains(private, event) && crossed > 0 {
				t.Errorf("%s: private %s crossed a link %d times", node, event, crossed)
			}
			if lost := outcomes["lost"] + outcomes["refused"] + outcomes["shed"] + outcomes["failed"]; lost > 0 {
				t.Errorf("%s: %d × %s lost: %v", node, lost, event, outcomes)
			}
			if event == "clue.answer.submitted" || event == "clue.answer.judged" {
				if node != "clue-1" {
					t.Errorf("%s has seen %s: %v", node, event, outcomes)
				}
			}
		}
	}
}

func solvesOf(board []Standing) (solves, points map[string]int) {
	solves, points = make(map[string]int), make(map[string]int)
	for _, s := range board {
		solves[s.Team], points[s.Team] = s.Solves, s.Points
	}
	return solves, points
}

func solvesInLog(log *guesslog.Log) map[string]int {
	solves := make(map[string]int)
	for _, g := range log.Guesses {
		if g.Correct {
			solves[g.Team]++
		}
	}
	return solves
}

// solvesOnBoard reads how many puzzles the organisers' own table calls solved, for each team.
func solvesOnBoard(t *testing.T, path string) map[string]int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	solves := make(map[string]int)
	for _, row := range rows[1:] {
		for _, state := range row[1:] {
			if state == "solved" {
				solves[row[0]]++
			}
		}
	}
	return solves
}

// compare compares two tables, in which a team that is missing has 0.
func compare(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	for team, n := range want {
		if got[team] != n {
			t.Errorf("%s: team %q has %d, want %d", what, team, got[team], n)
		}
	}
	for team, n := range got {
		if want[team] != n {
			t.Errorf("%s: team %q has %d, want %d", what, team, n, want[team])
		}
	}
}

// checkOrder recomputes ranks and times of the leaderboard from the log.
func checkOrder(t *testing.T, board []Standing, log *guesslog.Log) {
	t.Helper()
	last := make(map[string]string)
	for _, g := range log.Guesses {
		if at := g.At.Format("2006-01-02 15:04:05"); g.Correct && at > last[g.Team] {
			last[g.Team] = at
		}
	}
	before := ""
	for i, s := range board {
		if s.Rank != i+1 || s.LastSolve == nil || s.LastSolve.Format("2006-01-02 15:04:05") != last[s.Team] {
			t.Errorf("row %d: %+v, last solve %v; want rank %d, last solve %s", i, s, s.LastSolve, i+1, last[s.Team])
		}
		// Fewer points first in this text, then the earlier time, then the name: it must only grow.
		now := fmt.Sprintf("%09d %s %s", 1_000_000-s.Points, last[s.Team], s.Team)
		if now <= before {
			t.Errorf("row %d (%s) comes after %s", i, now, before)
		}
		before = now
	}
}

// BenchmarkLocal measures the replay of the largest log that is there, in guesses a second.
func BenchmarkLocal(b *testing.B) {
	logs := testlog.All(b)
	log, hunt := read(b, logs[len(logs)-1].Path)
	seconds := 0.0
	for b.Loop() {
		seconds += replayLocally(b, log, hunt).ElapsedSeconds
	}
	b.ReportMetric(float64(b.N*len(log.Guesses))/seconds, "guesses/s")
}
