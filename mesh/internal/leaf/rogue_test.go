package leaf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// rogueExporter is an exporter that lets everything through and says anything: one
// account without permissions.
type rogueExporter struct {
	name   string
	public string
	server *server.Server
	conn   *nats.Conn
}

func startRogueExporter(t *testing.T, name string, importers ...*node) *rogueExporter {
	t.Helper()
	_, own := spec(t, name)
	proof, err := newNkeyProof(own.seed)
	if err != nil {
		t.Fatal(err)
	}
	users := "{user: out, password: x}"
	var allowed []Importer
	for _, importer := range importers {
		users += fmt.Sprintf(", {user: %s}", importer.public)
		allowed = append(allowed, importer.importer())
	}
	options := &server.Options{}
	if err := options.ProcessConfigString(fmt.Sprintf("server_name: %s\nno_system_account: true\naccounts { out { users [ %s ] } }\n"+
		"leafnodes { listen: \"127.0.0.1:-1\", compression: off, no_advertise: true }\n", name, users)); err != nil {
		t.Fatal(err)
	}
	secured := Spec{Listen: "given", proof: proof, Importers: allowed}.withDefaults()
	secured.secure(&options.LeafNode)
	secured.sockets.serve()
	options.NoSigs, options.NoLog, options.DontListen = true, true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the rogue exporter is not ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo("out", "x"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &rogueExporter{name: name, public: own.public, server: s, conn: conn}
}

func (r *rogueExporter) remote() Remote {
	varz, _ := r.server.Varz(nil)
	return Remote{Name: r.name, URL: fmt.Sprintf("nats-leaf://127.0.0.1:%d", varz.LeafNode.Port), Keys: []string{r.public}}
}

// awaitInterest waits until an importer's interest in the subject has arrived.
func (r *rogueExporter) awaitInterest(t *testing.T, subject string) {
	t.Helper()
	account, err := r.server.LookupAccount("out")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "interest in "+subject, func() bool { return account.SubscriptionInterest(subject) })
}

// An exporter that is out for it can neither speak in another exporter's name to a common
// importer, nor hear what that one says to others, nor reach anybody's outbox through it.
func TestRogueExporter(t *testing.T) {
	score := start(t, "score-1", nil)
	clue, js, acknowledge := shared(t, func(s *Spec) { s.Importers = []Importer{score.importer()} })
	rogue := startRogueExporter(t, "hunt-1", score)
	if err := score.Link([]Remote{clue.remote(), rogue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	fromClue, fromRogue, out := score.toExporter(t, "clue-1"), score.toExporter(t, "hunt-1"), clue.toReader(t, score)
	good, bad := fromClue.hear(t, "mesh.to.>"), fromRogue.hear(t, ">")
	events, said := EventsTo("score-1", "clue-1", solved), FromReader("score-1", "clue-1")
	out.hears(t, events)
	rogue.awaitInterest(t, events) // the line there hears all
	heard, clueHears := subscribe(t, rogue.conn, ">", ""), out.hear(t, "mesh.from.>")
	fromClue.hears(t, said)
	fromRogue.hears(t, said)

	forged := []string{solved + ".t1", events, ToReader("score-1", "clue-1"), said, FromReader("score-1", "hunt-1"), acknowledge}
	for subject := range requests(acknowledge) {
		forged = append(forged, subject)
	}
	for _, subject := range forged {
		for _, answer := range append(answers, ToReader("score-1", "clue-1"), said, events) {
			if err := rogue.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: answer, Data: []byte("forged")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(t, rogue.conn, EventsTo("score-1", "hunt-1", "hunt.clue.unlocked"), "its own")
	bad.await(t, EventsTo("score-1", "hunt-1", "hunt.clue.unlocked")+" its own") // comes after all that
	fromClue.send(t, said, "for clue")
	fromRogue.send(t, FromReader("score-1", "hunt-1"), "for hunt")
	heard.await(t, FromReader("score-1", "hunt-1")+" for hunt")
	if got := clueHears.await(t, said+" for clue"); len(got) != 1 {
		t.Errorf("clue-1 heard %q", got)
	}
	out.send(t, events, "real")
	if got := good.await(t, events+" real"); len(got) != 1 {
		t.Errorf("on the line to clue-1 came %q", got)
	}
	for _, message := range heard.all() {
		if strings.Contains(message, "for clue") || strings.Contains(message, "real") {
			t.Errorf("the rogue heard %q", message)
		}
	}
	untouched(t, js)
}

// A key that gives itself another's name cuts no link but its own.
func TestRogueWithAnothersName(t *testing.T) {
	clue, score, hunt := start(t, "clue-1", nil), start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	in, out := score.toExporter(t, "clue-1"), clue.toReader(t, score)
	box := in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	number := in.linked(t)
	hunt.toExporter(t, "clue-1").linked(t)

	r := dialRogue(t, clue.ListenAddr(), hunt.seed)
	r.login(t, "score-1")
	r.send(t, "LS+ %s", ToReader("hunt-1", "clue-1"))
	r.sync(t)
	if after, up := in.Link(); !up || after != number {
		t.Error("the link of score-1 was cut")
	}
	out.send(t, ToReader("score-1", "clue-1"), "still")
	box.await(t, ToReader("score-1", "clue-1")+" still")
	for _, l := range clue.Links() {
		if l.Peer == "score-1" && !l.Connected {
			t.Errorf("%+v", clue.Links())
		}
	}
}

// One key has two links at most, and so many subscriptions.
func TestRogueIsBounded(t *testing.T) {
	hunt := start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{hunt.importer()} })
	var last *rogue
	for i := range maxReaderLinks {
		last = dialRogue(t, clue.ListenAddr(), hunt.seed)
		last.login(t, number(i))
		last.sync(t)
	}
	more := dialRogue(t, clue.ListenAddr(), hunt.seed)
	more.login(t, "another")
	if got := more.closed(t); !strings.Contains(got, "maximum account active connections exceeded") {
		t.Errorf("a further link: %q", got)
	}
	for i := range 2 * maxLinkSubscriptions { // more would be noise
		last.send(t, "LS+ %s.%d", ToReader("hunt-1", "clue-1"), i)
	}
	if got := last.sync(t); !strings.Contains(got, "maximum subscriptions exceeded") {
		t.Errorf("more subscriptions: %.100q", got)
	}
	account, err := clue.nats.LookupAccount(string(readerAccount("hunt-1")))
	if err != nil {
		t.Fatal(err)
	}
	if n := account.TotalSubs(); n > maxLinkSubscriptions+2 {
		t.Errorf("%d subscriptions", n)
	}
}
