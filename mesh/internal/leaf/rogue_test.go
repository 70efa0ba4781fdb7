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
	server *server.Server
	conn   *nats.Conn
}

func startRogueExporter(t *testing.T, name string, importers ...*node) *rogueExporter {
	t.Helper()
	users := "{user: out, password: x}"
	for _, importer := range importers {
		users += fmt.Sprintf(", {nkey: %s}", importer.public)
	}
	options := &server.Options{}
	if err := options.ProcessConfigString(fmt.Sprintf("server_name: %s\nno_system_account: true\naccounts { out { users [ %s ] } }\n"+
		"leafnodes { listen: \"127.0.0.1:-1\", compression: off, no_advertise: true }\n", name, users)); err != nil {
		t.Fatal(err)
	}
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
	return &rogueExporter{name: name, server: s, conn: conn}
}

func (r *rogueExporter) remote(takes ...string) Remote {
	varz, _ := r.server.Varz(nil)
	return Remote{Name: r.name, URL: fmt.Sprintf("nats-leaf://127.0.0.1:%d", varz.LeafNode.Port), Takes: takes}
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
// importer, nor hear what that one says to others, nor reach their outboxes through it.
func TestRogueExporter(t *testing.T) {
	const unlocked = "hunt.clue.unlocked.*"
	score := start(t, "score-1", nil)
	clue, js, acknowledge := shared(t, func(s *Spec) { s.Importers = []Importer{score.importer()} })
	rogue := startRogueExporter(t, "hunt-1", score)
	if err := score.Link([]Remote{clue.remote(), rogue.remote(unlocked)}, nil); err != nil {
		t.Fatal(err)
	}
	in, out := score.connect(t, In), clue.connect(t, Out)
	boxes := map[string]*inbox{}
	for _, subject := range []string{solved, unlocked, "mesh.to.score-1.*", "clue.>", ">"} {
		boxes[subject] = subscribe(t, in, subject, "")
	}
	shared := subscribe(t, in, solved, "score")
	heard := subscribe(t, rogue.conn, ">", "")
	clueHears := subscribe(t, out, FromReader("*", "clue-1"), "")
	score.ready(t, clue, solved)
	rogue.awaitInterest(t, "hunt.clue.unlocked.t1")
	eventually(t, "ways to both", func() bool {
		return score.Interested(In, FromReader("score-1", "clue-1")) && score.Interested(In, FromReader("score-1", "hunt-1"))
	})

	forged := []string{"clue.clue.solved.t1", ToReader("score-1", "clue-1"), FromReader("score-1", "clue-1"), acknowledge}
	for subject := range requests(acknowledge) {
		forged = append(forged, subject)
	}
	for _, subject := range forged {
		for _, answer := range append(answers, ToReader("score-1", "clue-1"), FromReader("score-1", "clue-1"), "clue.clue.solved.t1") {
			if err := rogue.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: answer, Data: []byte("forged")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(t, rogue.conn, "hunt.clue.unlocked.t1", "its own")
	boxes[unlocked].await(t, "hunt.clue.unlocked.t1 its own")
	publish(t, in, FromReader("score-1", "clue-1"), "for clue")
	publish(t, in, "clue.clue.solved.t1", "for score itself")
	publish(t, in, FromReader("score-1", "hunt-1"), "for hunt")
	heard.await(t, FromReader("score-1", "hunt-1")+" for hunt")
	if got := clueHears.await(t, FromReader("score-1", "clue-1")+" for clue"); len(got) != 1 {
		t.Errorf("clue-1 heard %q", got)
	}
	publish(t, out, "clue.clue.solved.t1", "real")
	shared.await(t, "clue.clue.solved.t1 real")
	boxes[">"].await(t, "clue.clue.solved.t1 real")
	for subject, box := range boxes {
		for _, message := range box.all() {
			if strings.Contains(message, "forged") {
				t.Errorf("%s heard %q", subject, message)
			}
		}
	}
	for _, message := range heard.all() {
		if strings.Contains(message, "for clue") || strings.Contains(message, "for score itself") || strings.Contains(message, "real") {
			t.Errorf("the rogue heard %q", message)
		}
	}
	untouched(t, js)
}

// A key that gives itself another's name cuts no link but its own.
func TestRogueWithAnothersName(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	link(t, clue, score, hunt)
	box := subscribe(t, score.connect(t, In), solved, "")
	score.ready(t, clue, solved)
	hunt.ready(t, clue)
	nonce := score.outbound()[0].nonce

	r := dialRogue(t, clue.ListenAddr())
	r.login(t, hunt.seed, "score-1")
	r.send(t, "LS+ %s", solved)
	r.sync(t)
	if links := score.outbound(); len(links) != 1 || links[0].nonce != nonce {
		t.Errorf("the link of score-1 was cut: %d links", len(links))
	}
	publish(t, clue.connect(t, Out), "clue.clue.solved.t1", "still")
	box.await(t, "clue.clue.solved.t1 still")
	for _, l := range clue.Links() {
		if l.Peer == "score-1" && !l.Connected {
			t.Errorf("%+v", clue.Links())
		}
	}
}

// One key has two links at most, and so many subscriptions.
func TestRogueIsBounded(t *testing.T) {
	hunt := start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Exports, s.Importers = []string{solved}, []Importer{hunt.importer()} })
	var last *rogue
	for i := range maxReaderLinks {
		last = dialRogue(t, clue.ListenAddr())
		last.login(t, hunt.seed, number(i))
		last.sync(t)
	}
	more := dialRogue(t, clue.ListenAddr())
	more.login(t, hunt.seed, "another")
	if got := more.closed(t); !strings.Contains(got, "maximum account active connections exceeded") {
		t.Errorf("a further link: %q", got)
	}
	for i := range 2 * maxSubscriptions {
		last.send(t, "LS+ clue.clue.solved.%d", i)
	}
	if got := last.sync(t); !strings.Contains(got, "maximum subscriptions exceeded") {
		t.Errorf("more subscriptions: %.100q", got)
	}
	for _, l := range clue.Links() {
		if len(l.Subjects) > readerSubscriptions+2 {
			t.Errorf("%d subscriptions", len(l.Subjects))
		}
	}
}
