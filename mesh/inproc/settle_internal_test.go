package inproc

import (
	"context"
	"slices"
	"strings"
	"testing"

	"leafmesh/mesh/stats"
)

// importing is what a node's report says of its imports of one type.
func importing(node, subject string, each bool, arrived uint64) stats.Stats {
	return stats.Stats{Node: node, Imports: []stats.Import{{Type: subject, Each: each, Arrived: arrived}}}
}

func TestImporters(t *testing.T) {
	solved := "clue.clue.solved"
	seen := []stats.Stats{
		{Node: "clue-1"},
		importing("score-1", solved, false, 0),
		importing("score-2", solved, false, 0), // shared with score-1
		importing("board-1", solved, true, 0),
		importing("board-2", solved, true, 0),
		importing("board-2", "clue.hint.taken", true, 0),
		{Node: "audit-1", DurableImports: []stats.DurableImport{{Peer: "clue-1", Type: solved}, {Peer: "clue-2", Type: solved}}},
	}
	importers := importersOf(seen)
	for subject, want := range map[string]uint64{solved: 4, "clue.hint.taken": 1, "hunt.clue.unlocked": 0} {
		if got := importers[subject]; got != want {
			t.Errorf("%s goes to %d importers, want %d", subject, got, want)
		}
	}
}

func TestMissing(t *testing.T) {
	solved, hint := "clue.clue.solved", "clue.hint.taken"
	exports := func(outcome stats.Outcome, count uint64) stats.Stats {
		return stats.Stats{Node: "clue-1", Counts: []stats.Count{{Type: solved, Outcome: outcome, Place: "export", Count: count}}}
	}
	durable := stats.Stats{Node: "score-1", DurableImports: []stats.DurableImport{{Peer: "clue-1", Type: solved}},
		Counts: []stats.Count{{Type: solved, Outcome: stats.Acknowledged, Place: "import", Count: 3}}}
	for name, c := range map[string]struct {
		seen []stats.Stats
		want []Missing
	}{
		"nothing":         {nil, nil},
		"all are there":   {[]stats.Stats{exports(stats.Exported, 5), importing("score-1", solved, false, 5)}, nil},
		"some are not":    {[]stats.Stats{exports(stats.Exported, 5), importing("score-1", solved, false, 3)}, []Missing{{Type: solved, Due: 5, Arrived: 3}}},
		"two share":       {[]stats.Stats{exports(stats.Exported, 5), importing("score-1", solved, false, 3), importing("score-2", solved, false, 1)}, []Missing{{Type: solved, Due: 5, Arrived: 4}}},
		"each gets it":    {[]stats.Stats{exports(stats.Exported, 5), importing("score-1", solved, true, 5), importing("score-2", solved, true, 1)}, []Missing{{Type: solved, Due: 10, Arrived: 6}}},
		"another type":    {[]stats.Stats{exports(stats.Exported, 5), importing("score-1", hint, false, 5)}, nil},
		"durable":         {[]stats.Stats{exports(stats.Stored, 5), durable}, []Missing{{Type: solved, Due: 5, Arrived: 3}}},
		"of earlier runs": {[]stats.Stats{exports(stats.Stored, 2), durable}, nil},
	} {
		if got := missing(c.seen); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestUnsettledErrorSaysWhatIsMissing(t *testing.T) {
	e := &UnsettledError{Cause: errStalled, Waiting: map[string]int64{"hunt-1": 3, "clue-1": 1}, Losses: []string{"score-1: 2 x lost"},
		Missing: []Missing{{Type: "clue.clue.solved", Due: 10, Arrived: 7}}}
	want := `the nodes are not at rest: nothing has moved for 20s
	clue-1: 1 events are queued or being handled, or staged and not relayed
	hunt-1: 3 events are queued or being handled, or staged and not relayed
	links: 3 of 10 × clue.clue.solved have not arrived
	score-1: 2 x lost`
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	moving := &UnsettledError{Cause: context.DeadlineExceeded}
	if !strings.HasSuffix(moving.Error(), "\n\tcounters still change") {
		t.Errorf("of what moves: %s", moving)
	}
}
