package main

import (
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/embedded/guesslog/testlog"
)

// TestOracle holds what the crash tests expect against a replay in one process where nothing goes
// wrong.
func TestOracle(t *testing.T) {
	for _, log := range testlog.All(t) {
		t.Run(log.Name, func(t *testing.T) {
			rows, hunt, err := readLog(log.Path, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			want, right := expected(rows, hunt)
			if got := replayed(t, "-log", log.Path).Leaderboard; !reflect.DeepEqual(got, want.board) {
				t.Errorf("the leaderboards differ:\nreplay %+v\noracle %+v", got, want.board)
			}
			if len(right) != log.Correct || len(want.awards) != log.Correct || len(want.teams) != log.Teams {
				t.Errorf("%d right guesses, %d awards and %d teams; want %d, %d and %d",
					len(right), len(want.awards), len(want.teams), log.Correct, log.Correct, log.Teams)
			}
		})
	}
}

// Whatever differs from the oracle is told.
func TestDifferences(t *testing.T) {
	rows, hunt, err := readLog(testlog.Small(t).Path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{log: rows, hunt: hunt}
	tr.want, tr.right = expected(rows, hunt)
	one := tr.right[0].solve
	for name, c := range map[string]struct {
		change func(*holdings)
		want   string // none: no difference
	}{
		"nothing":              {func(*holdings) {}, ""},
		"a lost solve":         {func(h *holdings) { delete(h.awards, one) }, "missing in score: " + one.clue},
		"a solve too much":     {func(h *holdings) { h.awards[solve{one.team, bonus}] = h.awards[one] }, "extra in score: " + bonus},
		"counted twice":        {func(h *holdings) { h.awards[one] = append(h.awards[one], h.awards[one]...) }, "counted 2 times by score: " + one.clue},
		"other points":         {func(h *holdings) { h.awards[one] = []award{{2, h.awards[one][0].at}} }, "wrong in score: " + one.clue},
		"another time":         {func(h *holdings) { h.awards[one] = []award{{1, h.awards[one][0].at.Add(time.Millisecond)}} }, "wrong in score: " + one.clue},
		"not finished":         {func(h *holdings) { h.teams[one.team] = progress{h.teams[one.team].solvesInHunt, false, true} }, "what others hold of"},
		"one less in hunt":     {func(h *holdings) { h.teams[one.team] = progress{h.teams[one.team].solvesInHunt - 1, true, true} }, "what others hold of"},
		"a sum one too high":   {func(h *holdings) { h.board[3].Points++ }, "leaderboard, row 4"},
		"a solve summed twice": {func(h *holdings) { h.board[3].Solves++ }, "leaderboard, row 4"},
		"a row too few":        {func(h *holdings) { h.board = h.board[:12] }, "leaderboard, row 13: no row"},
		"a row too much":       {func(h *holdings) { h.board = append(h.board, h.board[0]) }, "want no row"},
	} {
		t.Run(name, func(t *testing.T) {
			h := holdings{slices.Clone(tr.want.board), maps.Clone(tr.want.awards), maps.Clone(tr.want.teams)}
			c.change(&h)
			got := tr.differences(h)
			if len(got) > 1 || (len(got) == 1) != (c.want != "") || !strings.Contains(strings.Join(got, ""), c.want) {
				t.Errorf("%q, want one that says %q", got, c.want)
			}
		})
	}
}
