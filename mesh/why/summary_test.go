package why

import (
	"testing"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/stats"
)

func TestSummaries(t *testing.T) {
	old, late, effect := cause.ID{1}, cause.ID{2}, cause.ID{3}
	path := []string{"clue-1:clue.answer.submitted", "clue-1:clue.clue.solved"}
	records := []Record{
		{Node: "clue-1", Event: late, Root: late, Type: "clue.answer.submitted", Path: path[:1], Emitted: 1000, At: 1010, Outcome: stats.Admitted, Key: "owls"},
		{Node: "clue-1", Event: old, Root: old, Type: "clue.answer.submitted", At: 500, Took: 30, Outcome: stats.Refused, Place: "emit", Rule: "few", Error: "too many"},
		{Node: "score-1", Event: effect, Root: late, Type: "clue.clue.solved", Key: "otters", At: 1200, Outcome: stats.Retried, Place: "handler count", Took: 40, Error: "first"},
		{Node: "score-1", Event: effect, Root: late, Type: "clue.clue.solved", Key: "otters", At: 1300, Outcome: stats.Failed, Place: "handler count", Took: 50, Error: "no rows"},
		{Node: "score-1", Event: effect, Root: late, Type: "clue.clue.solved", At: 1400, Outcome: stats.Handled, Place: "handler other"},
	}
	all := Summarize(records)
	if len(all) != 2 || all[0].Root != late || all[1].Root != old {
		t.Fatalf("the newest is not first: %+v", all)
	}
	s := all[0]
	if s.Began != "clue.answer.submitted" || s.Node != "clue-1" || s.Key != "otters" || s.From != 1000 || s.Until != 1400 || s.Events != 2 {
		t.Errorf("%+v", s)
	}
	if w := s.Worst; w.Outcome != stats.Failed || w.Error != "no rows" || w.Type != "clue.clue.solved" || w.String() != "handler count on score-1: given up in 50ns" || !w.Bad() {
		t.Errorf("the worst is %+v: %s", w, w)
	}
	if w := all[1].Worst; w.Rule != "few" || w.Took != 30*time.Nanosecond || all[1].Until != 530 {
		t.Errorf("%+v", all[1])
	}

	// What two nodes know of one cascade is one line, with the worst of both, whichever is first.
	of := func(node string) (part []Record) {
		for _, r := range records {
			if r.Node == node {
				part = append(part, r)
			}
		}
		return part
	}
	clue, score := Summarize(of("clue-1")), Summarize(of("score-1"))
	for _, parts := range [][]Summary{append(clue, score...), append(score, clue...)} {
		joined := JoinSummaries(parts...)
		if len(joined) != 2 || joined[0].Worst.Outcome != stats.Failed || joined[0].Began != s.Began || joined[0].From != 1000 || joined[0].Until != 1400 || joined[0].Key != "otters" {
			t.Errorf("joined: %+v", joined)
		}
	}
	if nothing := Summarize(records[:1]); nothing[0].Worst.Bad() {
		t.Errorf("nothing went wrong: %+v", nothing)
	}
}
