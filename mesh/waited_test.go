package mesh_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// idOf is an id that was made at a time.
func idOf(at time.Time, n byte) (id wire.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16)
	id[15] = n
	return id
}

// late is the message of an event whose cascade began a day ago.
func late(t *testing.T, id byte, waited time.Duration) []byte {
	t.Helper()
	root := idOf(time.Now().Add(-24*time.Hour), 1)
	return message(t, &wire.Envelope{ID: wire.ID{id}, Root: root, Parent: root, Time: time.Now().UnixNano(), Waited: int64(waited),
		Key: "k", Path: [][]byte{[]byte("clue-1:clue.answer.judged"), []byte("clue-1:clue.clue.solved")}})
}

// What waited in an outbox is not refused by the deadline of its cascade, nor
// what it causes; what is late for another reason is. The wait goes on with the
// child, over the wire too.
func TestAWaitInAnOutboxDoesNotAge(t *testing.T) {
	const day = 24 * time.Hour
	headers := make(chan mesh.Header, 10)
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return clueOpened.Emit(ctx, s)
	})
	score.Handlers = append(score.Handlers, clueOpened.Handle("child", func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return nil
	}))
	score.Tap = loopbackTap(t)
	node, publish := openImporter(t, score)
	conn := tapClient(t, node)
	seen, err := conn.SubscribeSync("clue.clue.opened.*")
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	publish("clue.clue.solved.k", late(t, 1, 0))
	publish("clue.clue.solved.k", late(t, 2, day))
	for _, depth := range []int{1, 2} { // the event, and its child
		if h := receive(t, headers); h.Depth() != depth || h.Waited() != day {
			t.Errorf("%s at depth %d waited %v, want a day at %d", h.Subject(), h.Depth(), h.Waited(), depth)
		}
	}
	m, err := seen.NextMsg(waitLimit)
	if err != nil {
		t.Fatal(err)
	}
	var child wire.Envelope
	if err := wire.DecodeEnvelope(m.Data, &child); err != nil || child.Waited != int64(day) {
		t.Errorf("on the wire the child waited %v: %v", time.Duration(child.Waited), err)
	}
	wantCount(t, node, clueSolved.Subject(), stats.Refused, "import", "cascade-deadline", 1)
}

// A durable event that waits for its handler still lies in its outbox.
func TestAWaitForADurableHandlerDoesNotAge(t *testing.T) {
	begun, next := make(chan mesh.Header, 2), make(chan struct{})
	score := durableScore(t, func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		begun <- h
		<-next
		return nil
	})
	nodes := openAll(t, durableClue(t), score)
	defer close(next)
	emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "owls", At: 1})
	receive(t, begun)
	start := time.Now()
	emit(t, nodes.Node("clue-1"), clueSolved, solved{Team: "owls", At: 2})
	waitUntil(t, "the second waits in the handler's queue", func() bool { return nodes.Node("score-1").Stats().Waiting == 2 })
	there := time.Now()
	waitUntil(t, "it has waited there for longer than on its way", func() bool { return time.Since(there) > there.Sub(start) })
	least := time.Since(there)
	next <- struct{}{}
	if h := receive(t, begun); h.Waited() < least {
		t.Errorf("it waited %v, want %v at least", h.Waited(), least)
	}
}

// A root has waited for nothing.
func TestARootHasNotWaited(t *testing.T) {
	waits := make(chan time.Duration, 1)
	n := openHandlers(t, stepTaken.Handle("read", func(ctx context.Context, _ step) error {
		h, _ := mesh.HeaderOf(ctx)
		waits <- h.Waited()
		return nil
	}))
	emitStep(t, n, stepTaken, step{Key: "a"})
	if waited := receive(t, waits); waited != 0 {
		t.Errorf("a root waited %v", waited)
	}
}
