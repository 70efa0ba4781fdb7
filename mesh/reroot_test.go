package mesh_test

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

// damaged is a message with some of the elements of its event replaced by null.
func damaged(t *testing.T, message []byte, elements ...int) []byte {
	t.Helper()
	var items []cbor.RawMessage
	events, err := wire.SplitContainer(message, nil)
	if err == nil {
		err = cbor.Unmarshal(events[0], &items)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range elements {
		items[i] = cbor.RawMessage{0xF6}
	}
	event, err := cbor.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendContainer(nil, event)
}

// The places of an event's elements, as docs/wire.md has them.
const (
	rootElement    = 1
	parentElement  = 2
	timeElement    = 3
	ageElement     = 4
	pathElement    = 6
	payloadElement = 7
)

// idOf is an id that was made at a time.
func idOf(at time.Time, n byte) (id wire.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16)
	id[15] = n
	return id
}

// An event is not lost because the record of its causes is damaged: it becomes
// a root, of nobody, and is counted.
func TestADamagedCausalHeaderMakesARoot(t *testing.T) {
	headers := make(chan mesh.Header, 10)
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, s solved) error {
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return scoreCounted.Emit(ctx, s)
	})
	score.Handlers = append(score.Handlers, scoreCounted.Handle("child", func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		headers <- h
		return nil
	}))
	score.Tap = loopbackTap(t)
	node, publish := openImporter(t, score)
	conn := tapClient(t, node)
	seen, err := conn.SubscribeSync("*.*.*.*")
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	id := idOf(time.Now(), 7)
	good := message(t, &wire.Envelope{ID: id, Root: idOf(time.Now(), 1), Parent: idOf(time.Now(), 2), Time: 1521227921000,
		Age: time.Hour, Key: "k", Path: [][]byte{[]byte("clue-1:clue.answer.judged"), []byte("clue-1:clue.clue.solved")}})
	publish("clue.clue.solved", damaged(t, good, ageElement))
	h, child := receive(t, headers), receive(t, headers)
	if h.ID != mesh.ID(id) || h.Root != h.ID || !h.Parent.IsZero() || h.Depth() != 0 || h.Age() != 0 || h.Key != "k" ||
		h.Time().UnixNano() != 1521227921000 || h.Origin() != "unknown" || h.Subject() != clueSolved.Subject() ||
		!slices.Equal(h.Path(), []string{"unknown:clue.clue.solved"}) {
		t.Errorf("header %+v, path %v", h, h.Path())
	}
	if child.Root != h.ID || child.Parent != h.ID || !slices.Equal(child.Path(), []string{"unknown:clue.clue.solved", "score-1:score.solve.counted"}) {
		t.Errorf("a child has %+v, path %v", child, child.Path())
	}
	for range 2 { // both are good messages again
		m, err := seen.NextMsg(waitLimit)
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.DecodeStored(m.Data, new(wire.Envelope)); err != nil {
			t.Errorf("at the tap: %v", err)
		}
	}
	wantCount(t, node, clueSolved.Subject(), stats.Imported, "", "", 1)
	wantCount(t, node, clueSolved.Subject(), stats.Rerooted, "", "", 1)
}

// What is lost besides its causes, or says more than it may, stays malformed.
func TestWhatIsNotRerooted(t *testing.T) {
	got := make(chan solved, 10)
	node, publish := openImporter(t, scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil }))
	good := envelope(t, "clue.clue.solved", solved{Team: "k"})
	rootless := damaged(t, good, rootElement)
	bad := [][]byte{
		damaged(t, good, timeElement),
		damaged(t, good, rootElement, payloadElement),
		rootless[:len(rootless)-1],
		append(slices.Clone(rootless), 0),
		message(t, &wire.Envelope{ID: wire.ID{2}, Root: wire.ID{2}, Key: "k",
			Path: [][]byte{[]byte("unknown:clue.clue.solved")}}), // who says it in good form is no peer
	}
	for _, container := range bad {
		publish("clue.clue.solved", container)
	}
	for _, elements := range [][]int{{rootElement}, {pathElement}, {rootElement, parentElement, ageElement, pathElement}} {
		publish("clue.clue.solved", damaged(t, good, elements...))
		receive(t, got)
	}
	wantCount(t, node, clueSolved.Subject(), stats.Lost, "import", "malformed", uint64(len(bad)))
	wantCount(t, node, clueSolved.Subject(), stats.Imported, "", "", 3)
	wantCount(t, node, clueSolved.Subject(), stats.Rerooted, "", "", 3)
}

// Rules at import hold for rerooted events as for others; those by peer take all
// of them for one peer.
func TestRulesHoldForRerootedEvents(t *testing.T) {
	got := make(chan mesh.Header, 10)
	score := scoreNode("score-1", mesh.Shared, func(ctx context.Context, _ solved) error {
		h, _ := mesh.HeaderOf(ctx)
		got <- h
		return nil
	})
	score.Limits = []mesh.Rule{{Name: "one-peer", Place: mesh.AtImport, Event: "clue.>", By: mesh.ByPeer,
		Limit: mesh.Limit{Rate: mesh.Per(1, time.Hour), Burst: 1, Policy: mesh.Shed}}}
	node, publish := openImporter(t, score)
	good := envelope(t, "clue.clue.solved", solved{Team: "k"})
	for range 3 {
		publish("clue.clue.solved", damaged(t, good, pathElement))
	}
	publish("clue.clue.solved", good)
	if first, second := receive(t, got), receive(t, got); first.Origin() != "unknown" || second.Origin() != "clue-1" {
		t.Errorf("from %s and %s, want each once", first.Origin(), second.Origin())
	}
	wantCount(t, node, clueSolved.Subject(), stats.Shed, "import", "one-peer", 2)
	wantCount(t, node, clueSolved.Subject(), stats.Rerooted, "", "", 1)
}

// No node can have the name that rerooted events come under.
func TestNoNodeIsNamedUnknown(t *testing.T) {
	if _, err := mesh.Open(t.Context(), mesh.Config{Name: wire.UnknownNode}); len(config.FieldErrors(err)) == 0 {
		t.Errorf("a node opened under the name: %v", err)
	}
	peer := mesh.Config{Name: "score-1", Peers: []mesh.Peer{{Name: wire.UnknownNode, URL: "nats-leaf://127.0.0.1:1"}}}
	if err := peer.Validate(); len(config.FieldErrors(err)) == 0 {
		t.Errorf("a peer has the name: %v", err)
	}
}
