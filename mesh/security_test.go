package mesh_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
)

func checkRefused(t *testing.T, err error, rule string, cause error) {
	t.Helper()
	var refused mesh.RefusedError
	if !errors.As(err, &refused) || !errors.Is(err, mesh.ErrRefused) || refused.Rule != rule {
		t.Fatalf("error %v, want one refused by %s", err, rule)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("error %v does not wrap %v", err, cause)
	}
}

func keyPair(t *testing.T) (seed, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	s, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	if public, err = pair.PublicKey(); err != nil {
		t.Fatal(err)
	}
	return string(s), public
}

// hostile is a peer of service clue that says anything to score-1. It serves all that score-1 asks
// for.
func hostile(t *testing.T, importerKey string) (*leaf.Server, *leaf.Line, string) {
	t.Helper()
	seed, key := keyPair(t)
	server, err := leaf.Start(within(t), leaf.Spec{Name: "clue-1", Listen: "127.0.0.1:0", Seed: seed, MaxPayload: 65536,
		Importers: []leaf.Importer{{Name: "score-1", Keys: []string{importerKey}}}})
	if err == nil {
		err = server.Serve()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(within(t)); err != nil {
			t.Error(err)
		}
	})
	line, err := server.ToReader("score-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := line.Subscribe(leaf.FromReader("score-1", "clue-1"), func(m *nats.Msg) { welcomeAll(t, line, m.Data) }); err != nil {
		t.Fatal(err)
	}
	return server, line, key
}

// welcomeAll answers a hello.
func welcomeAll(t *testing.T, line *leaf.Line, data []byte) {
	message, err := wire.DecodeTalk(data)
	if err != nil {
		t.Error(err)
		return
	}
	hello, ok := message.(*wire.Hello)
	if !ok {
		return
	}
	welcome := &wire.Welcome{Nonce: hello.Nonce, Exporter: "clue-1", MaxPayload: 65536}
	for _, i := range hello.Imports {
		welcome.Imports = append(welcome.Imports, wire.WelcomeImport{Type: i.Type, Stream: "one"})
	}
	answer, err := wire.EncodeTalk(welcome)
	if err != nil {
		t.Error(err)
		return
	}
	if err := line.Publish(leaf.ToReader("score-1", "clue-1"), answer); err != nil {
		t.Error(err)
	}
}

// openImporter opens a score-1 that imports from a hostile clue-1, and gives what sends it messages
// of a type as that peer.
func openImporter(t *testing.T, score mesh.Config) (*mesh.Node, func(eventType string, container []byte)) {
	t.Helper()
	node, send := openImporterAt(t, score)
	return node, func(eventType string, container []byte) {
		t.Helper()
		send(eventType, 1, 0, container)
	}
}

// openImporterAt is openImporter for one who says what place each message has: see
// wire.AppendPlace.
func openImporterAt(t *testing.T, score mesh.Config) (*mesh.Node, func(eventType string, run, before uint64, container []byte)) {
	t.Helper()
	seed, public := keyPair(t)
	server, line, key := hostile(t, public)
	score.Seed = mesh.NewSecret(seed)
	score.Peers = []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + server.ListenAddr(), Key: key}}
	node := openNode(t, score)
	if err := node.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return node, func(eventType string, run, before uint64, container []byte) {
		t.Helper()
		message := append(wire.AppendPlace(nil, run, before), container...)
		if err := line.Publish(leaf.EventsTo("score-1", "clue-1", eventType), message); err != nil {
			t.Fatal(err)
		}
	}
}

// openNode opens a node that names its peers itself, and closes it at the end.
func openNode(t *testing.T, c mesh.Config) *mesh.Node {
	t.Helper()
	node, err := mesh.Open(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return node
}

func envelope(t *testing.T, subject string, value any) []byte {
	t.Helper()
	payload, err := wire.AppendPayload(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	e := wire.Envelope{ID: wire.ID{1}, Root: wire.ID{1}, Time: time.Now().UnixNano(), Key: "k",
		Path: [][]byte{[]byte("clue-1:" + subject)}, Payload: payload}
	event, err := wire.AppendEvent(nil, &e)
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendContainer(nil, event)
}

// message encodes an envelope with a payload.
func message(t *testing.T, e *wire.Envelope) []byte {
	t.Helper()
	payload, err := wire.AppendPayload(nil, solved{Team: e.Key})
	if err != nil {
		t.Fatal(err)
	}
	e.Payload = payload
	event, err := wire.AppendEvent(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendContainer(nil, event)
}

// Whatever a peer sends: what was not declared does not enter, what is
// malformed is counted, and the next good event is handled.
func TestHostilePeer(t *testing.T) {
	got := make(chan solved, 10)
	score := scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil })
	opened := clueOpened.Handle("opened", func(context.Context, solved) error {
		t.Error("an undeclared subject was imported")
		return nil
	})
	score.Handlers = append(score.Handlers, opened)
	node, publish := openImporter(t, score)
	good := envelope(t, "clue.clue.solved", solved{Team: "k"})
	bad := [][]byte{nil, {}, {0xff}, good[:len(good)-1], append(bytes.Clone(good), 0), bytes.Repeat([]byte{0x9f}, 60_000),
		envelope(t, "clue.clue.opened", solved{})} // the envelope says another type than the subject
	for _, message := range bad {
		publish("clue.clue.solved", message)
	}
	publish("clue.clue.solved", envelope(t, "clue.clue.solved", "not a struct"))
	for _, name := range []string{"clue-2:", "hunt-1:"} { // no peers of service clue that score-1 dials
		publish("clue.clue.solved", bytes.Replace(good, []byte("clue-1:"), []byte(name), 1))
	}
	publish("clue.clue.opened", envelope(t, "clue.clue.opened", solved{})) // undeclared
	publish("clue.clue.solved", good)
	if s := <-got; s.Team != "k" {
		t.Errorf("got %+v", s)
	}
	await(t, "each malformed message counted", func() bool {
		return node.Stats().Of("clue.clue.solved", stats.Lost) == uint64(len(bad)+1+2)
	})
	if n := node.Stats().Of("clue.clue.opened", stats.Imported); n != 0 {
		t.Errorf("%d undeclared events imported", n)
	}
}

const tapPassword = "HT4KCKDU6GDQSHZO5XR6QWKTYA"

// loopbackTap is a tap for user dev.
func loopbackTap(t *testing.T) *mesh.Tap {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(tapPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &mesh.Tap{Listen: "127.0.0.1:0", User: "dev", Password: mesh.Secret{File: password}}
}

// tapClient is a stock client at a node's tap.
func tapClient(t *testing.T, n *mesh.Node) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect("nats://dev:"+tapPassword+"@"+n.TapAddr(), nats.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// tapped opens a node with a tap and a stock client at it.
func tapped(t *testing.T, clue mesh.Config, others ...mesh.Config) (inproc.Nodes, *nats.Conn) {
	t.Helper()
	clue.Tap = loopbackTap(t)
	nodes := openAll(t, append([]mesh.Config{clue}, others...)...)
	if _, err := nats.Connect("nats://dev:wrong@"+nodes[0].TapAddr(), nats.MaxReconnects(0)); err == nil {
		t.Fatal("the tap took a wrong password")
	}
	if _, err := nats.Connect("nats://"+nodes[0].TapAddr(), nats.MaxReconnects(0)); err == nil {
		t.Fatal("the tap took a client without credentials")
	}
	return nodes, tapClient(t, nodes[0])
}

func TestTapSeesLocalEventsAndEmitsByRequest(t *testing.T) {
	handled := make(chan solved, 1)
	clue := clueNode("clue-1")
	clue.Handlers = []mesh.Handler{clueSolved.Handle("keep", func(_ context.Context, s solved) error { handled <- s; return nil })}
	nodes, conn := tapped(t, clue)
	seen, err := conn.SubscribeSync("clue.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	value, err := cbor.Marshal(map[int]any{1: "wugs", 2: "eat", 3: 7, 99: "from a newer version"})
	if err != nil {
		t.Fatal(err)
	}
	reply := ask(t, conn, "mesh.emit.clue.clue.solved.wugs", value)
	if reply.Verdict != "admitted" || len(reply.ID) != 16 {
		t.Fatalf("reply %+v", reply)
	}
	if s := <-handled; s != (solved{"wugs", "eat", 7}) {
		t.Errorf("handled %+v", s)
	}
	m, err := seen.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var fields []cbor.RawMessage
	if err := cbor.Unmarshal(m.Data, &fields); err != nil || m.Subject != "clue.clue.solved.wugs" {
		t.Errorf("%s: %x: %v", m.Subject, m.Data, err)
	}
	for subject, data := range map[string][]byte{
		"mesh.emit.clue.clue.unknown.k": value, // no such type
		"mesh.emit.clue.clue.solved":    value, // no key token
		"mesh.emit.clue.clue.solved.k":  {0x61},
		"mesh.emit.clue.clue.solved.%":  {0x61, 'x'}, // well-formed, but no solved
	} {
		if reply := ask(t, conn, subject, data); reply.Verdict != "refused" || reply.Error == "" {
			t.Errorf("%s: %+v", subject, reply)
		}
	}
	if n := nodes[0].Stats().Of("clue.clue.solved", stats.Admitted); n != 1 {
		t.Errorf("%d admitted", n)
	}
}

func TestTheTapNamesTheRule(t *testing.T) {
	for policy, verdict := range map[mesh.Policy]string{mesh.Refuse: "refused", mesh.Shed: "shed", mesh.Coalesce: "coalesced"} {
		clue := clueNode("clue-1")
		limit := slowly(1)
		limit.Policy = policy
		clue.Limits = []mesh.Rule{{Name: "few", Event: "clue.clue.solved", Limit: limit}}
		_, conn := tapped(t, clue)
		value, err := cbor.Marshal(map[int]any{1: "wugs"})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []mesh.Reply{{Verdict: "admitted"}, {Verdict: verdict, Rule: "few"}} {
			if got := ask(t, conn, "mesh.emit.clue.clue.solved.wugs", value); got.Verdict != want.Verdict || got.Rule != want.Rule {
				t.Errorf("request %d: %+v, want %+v", i, got, want)
			}
		}
	}
}

func ask(t *testing.T, conn *nats.Conn, subject string, data []byte) (reply mesh.Reply) {
	t.Helper()
	m, err := conn.Request(subject, data, 10*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	if err := cbor.Unmarshal(m.Data, &reply); err != nil {
		t.Fatal(err)
	}
	return reply
}

// A client at the tap cannot make an event leave the node other than by
// emitting one whose export is declared.
func TestTapHasNoWayOut(t *testing.T) {
	got := make(chan solved, 10)
	score := scoreNode("score-1", mesh.Shared, func(_ context.Context, s solved) error { got <- s; return nil })
	nodes, conn := tapped(t, clueNode("clue-1"), score)
	message := envelope(t, "clue.clue.solved", solved{Team: "forged"})
	for _, subject := range []string{"clue.clue.solved.k", leaf.ToReader("score-1", "clue-1"), leaf.EventsTo("score-1", "clue-1", "clue.clue.solved"), "$SYS.REQ.SERVER.PING", "$JS.API.INFO"} {
		if err := conn.Publish(subject, message); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	emit(t, nodes[0], clueOpened, solved{Team: "private"})
	emit(t, nodes[0], clueSolved, solved{Team: "exported"})
	if s := <-got; s.Team != "exported" {
		t.Errorf("got %+v", s)
	}
	if n := nodes[1].Stats().Total(stats.Imported); n != 1 {
		t.Errorf("%d events imported, want 1", n)
	}
	await(t, "one export", func() bool { return nodes[0].Stats().Total(stats.Exported) == 1 })
}
