package mesh_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// ahead is a wall clock that is wrong by so much.
func ahead(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }

// clueJudged is what the exporter's cascades begin with: what it exports is then no root.
var clueJudged = mesh.NewEvent[solved]("clue.answer.judged", mesh.Key(teamOf))

// Whatever the exporter's clock says: what it exports is handled and goes on, by way of the links
// and of an outbox, and the deadline bounds what handlers take, at the importer too.
func TestTheDeadlineDoesNotCompareClocks(t *testing.T) {
	for _, off := range []time.Duration{0, -31 * time.Second, 31 * time.Second, -24 * time.Hour, 24 * time.Hour} {
		for _, durable := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v durable %v", off, durable), func(t *testing.T) { crossWith(t, off, durable) })
		}
	}
}

func crossWith(t *testing.T, off time.Duration, durable bool) {
	ages := make(chan time.Duration, 20)
	clue, handle := clueNode("clue-1"), func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		ages <- h.Age()
		if s.At == 5 { // too slow
			time.Sleep(300 * time.Millisecond)
		}
		return scoreCounted.Emit(ctx, s)
	}
	score := scoreNode("score-1", mesh.Shared, handle)
	if durable {
		clue, score = durableClue(t), durableScore(t, handle, mesh.Retry{Tries: 1})
		score.Imports[0].Redelivery.Tries = 1
	}
	clue.WallClock = ahead(off)
	clue.Cascades = []mesh.Cascade{{Deadline: 200 * time.Millisecond}}
	score.Cascades = clue.Cascades
	clue.Handlers = []mesh.Handler{clueJudged.Handle("judge", func(ctx context.Context, s solved) error { return clueSolved.Emit(ctx, s) })}
	score.Alarms.Clock = 48 * time.Hour // or it would not be ready
	nodes := openAll(t, clue, score)
	for i := range 10 {
		emit(t, nodes[0], clueJudged, solved{Team: "owls", At: int64(i)})
	}
	for range 10 {
		if age := receive(t, ages); age > 100*time.Millisecond {
			t.Errorf("age %v of an event that was emitted at once", age)
		}
	}
	await(t, "all but the slow one go on", func() bool { return nodes[1].Stats().Of(scoreCounted.Subject(), stats.Admitted) == 9 })
	wantCount(t, nodes[1], scoreCounted.Subject(), stats.Refused, "emit", "cascade-deadline", 1)
}

// An event whose cascade is past its deadline by the exporter's word is refused at the import; what
// waited on its way, and a difference of clocks, are no age.
func TestAnOldCascadeIsRefusedAtTheImport(t *testing.T) {
	ages := make(chan time.Duration, 2)
	node, publish := openImporter(t, scoreNode("score-1", mesh.Shared, func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		ages <- h.Age()
		return nil
	}))
	const day = 24 * time.Hour
	now := time.Now()
	late := func(id byte, age time.Duration) []byte {
		root := idOf(now.Add(-day), 1)
		e := wire.Envelope{ID: wire.ID{id}, Root: root, Parent: root, Time: now.UnixNano(), Age: age, Key: "k",
			Path: [][]byte{[]byte("clue-1:clue.answer.judged"), []byte("clue-1:clue.clue.solved")}}
		return message(t, &e)
	}
	publish("clue.clue.solved", late(1, day))
	publish("clue.clue.solved", late(2, time.Second))
	if age := receive(t, ages); age != time.Second {
		t.Errorf("age %v, want 1s", age)
	}
	wantCount(t, node, clueSolved.Subject(), stats.Refused, "import", "cascade-deadline", 1)
}
