package mesh_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// contained is a message of the events that messages of one event hold.
func contained(t *testing.T, messages ...[]byte) []byte {
	t.Helper()
	var events [][]byte
	for _, m := range messages {
		var err error
		if events, err = wire.SplitContainer(m, events); err != nil {
			t.Fatal(err)
		}
	}
	return wire.AppendContainer(nil, events...)
}

// Several events come in one message: each is looked at by itself, and one that is wrong harms no
// other.
func TestEventsOfOneMessageAreJudgedOneByOne(t *testing.T) {
	got := make(chan solved, 10)
	node, publish := openImporter(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	event := func(n byte, change func(e *wire.Envelope)) []byte {
		e := wire.Envelope{ID: wire.ID{n}, Root: wire.ID{n}, Time: int64(n), Key: "k", Path: [][]byte{[]byte("clue-1:clue.clue.solved")}}
		if change != nil {
			change(&e)
		}
		return message(t, &e)
	}
	nonsense := wire.AppendContainer(nil, []byte{0xFF})
	publish("clue.clue.solved", contained(t,
		event(1, nil),
		nonsense,
		event(2, func(e *wire.Envelope) { e.Path = [][]byte{[]byte("clue-1:clue.hint.taken")} }),  // another type
		event(3, func(e *wire.Envelope) { e.Path = [][]byte{[]byte("clue-9:clue.clue.solved")} }), // no peer
		damaged(t, event(4, nil), pathElement),
		event(5, nil)))
	for range 3 {
		receive(t, got)
	}
	wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", "malformed", 3)
	wantCount(t, node, clueSolved.Subject(), stats.Imported, "", "", 3)
	wantCount(t, node, clueSolved.Subject(), stats.Rerooted, "", "", 1)
	await(t, "all have arrived", func() bool { return node.Stats().Imports[0].Arrived == 6 })

	publish("clue.clue.solved", contained(t, slices.Repeat([][]byte{event(6, nil)}, wire.MaxContainerEvents+1)...)) // too many: none
	publish("clue.clue.solved", event(7, nil))
	receive(t, got)
	wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", "malformed", 4)
}

// A rule of an import is asked of each event of a message.
func TestRulesHoldForEachEventOfAMessage(t *testing.T) {
	got := make(chan mesh.ID, 10)
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		got <- h.ID
		return nil
	})
	score.Limits = []mesh.Rule{{Name: "two", Place: mesh.AtImport, Event: "clue.>",
		Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 2, Policy: mesh.Shed}}}
	node, publish := openImporter(t, score)
	var messages [][]byte
	for n := range byte(5) {
		messages = append(messages, message(t, &wire.Envelope{ID: wire.ID{n + 1}, Root: wire.ID{n + 1}, Key: "k", Path: [][]byte{[]byte("clue-1:clue.clue.solved")}}))
	}
	publish("clue.clue.solved", contained(t, messages...))
	for n := range byte(2) {
		if id := receive(t, got); id != (mesh.ID{n + 1}) {
			t.Errorf("event %v", id)
		}
	}
	wantCount(t, node, clueSolved.Subject(), stats.Shed, "import", "two", 3)
}
