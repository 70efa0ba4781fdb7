package leaf

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// rogue is a peer that speaks the leaf protocol by hand and keeps to no
// permission: a stock server would not even send what it may not.
type rogue struct {
	net.Conn
	lines *bufio.Reader
	nonce string
}

func dialRogue(t *testing.T, address string) *rogue {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	r := &rogue{Conn: c, lines: bufio.NewReader(c)}
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(r.await(t, "INFO "), "INFO ")), &info); err != nil {
		t.Fatal(err)
	}
	r.nonce = info.Nonce
	return r
}

func (r *rogue) send(t *testing.T, format string, values ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(r, format+"\r\n", values...); err != nil {
		t.Fatal(err)
	}
}

// await reads up to a line with the prefix.
func (r *rogue) await(t *testing.T, prefix string) string {
	t.Helper()
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no %q: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
}

// sync returns all lines up to the answer to a ping.
func (r *rogue) sync(t *testing.T) string {
	t.Helper()
	r.send(t, "PING")
	var all strings.Builder
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no answer to a ping: %v, after %q", err, all.String())
		}
		if strings.HasPrefix(line, "PONG") {
			return all.String()
		}
		if strings.HasPrefix(line, "PING") {
			r.send(t, "PONG")
		}
		all.WriteString(line)
	}
}

// login sends a CONNECT signed with the seed, as the server of that name.
func (r *rogue) login(t *testing.T, seed, name string) {
	t.Helper()
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	signature, _ := pair.Sign([]byte(r.nonce))
	public, _ := pair.PublicKey()
	connect, _ := json.Marshal(map[string]any{
		"nkey": public, "sig": base64.RawURLEncoding.EncodeToString(signature),
		"name": name, "server_id": name, "headers": true, "remote_account": "in", "version": "2.15.2",
	})
	r.send(t, "CONNECT %s", connect)
}

// closed waits until the server closes the connection, and returns the rest.
func (r *rogue) closed(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for {
		line, err := r.lines.ReadString('\n')
		all.WriteString(line)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Fatalf("still open, after %q", all.String())
		}
		if err != nil {
			return all.String()
		}
	}
}

func TestLeafPortNeedsACredential(t *testing.T) {
	score, other := start(t, "score-1", nil), start(t, "score-2", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Exports, s.Importers = []string{solved}, []Importer{score.importer()} })

	none := dialRogue(t, clue.ListenAddr())
	none.send(t, `CONNECT {"name":"score-1"}`)
	if got := none.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("no credential: %q", got)
	}
	wrong := dialRogue(t, clue.ListenAddr())
	wrong.login(t, other.seed, "score-1")
	if got := wrong.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("wrong key: %q", got)
	}
	stolen := dialRogue(t, clue.ListenAddr())
	stolen.nonce = "another nonce"
	stolen.login(t, score.seed, "score-1")
	if got := stolen.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("signature of another nonce: %q", got)
	}
	right := dialRogue(t, clue.ListenAddr())
	right.login(t, score.seed, "score-1")
	right.await(t, "LS+ ")
}

// Our own in-process users, the tap's and a link's are good for one way in each.
func TestCredentialsOpenOneDoorOnly(t *testing.T) {
	score := start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) {
		s.Exports, s.Importers = []string{solved}, []Importer{score.importer()}
		s.Tap = &Tap{Listen: "127.0.0.1:0", User: "tap", Password: "secret"}
	})
	url := "nats://" + clue.TapAddr()
	refuse := func(what, url string, options ...nats.Option) {
		t.Helper()
		if c, err := nats.Connect(url, options...); err == nil {
			c.Close()
			t.Errorf("%s: connected", what)
		}
	}
	pair, _ := nkeys.FromSeed([]byte(score.seed))
	refuse("link key as a client", url, nats.Nkey(score.public, pair.Sign))
	refuse("no credential", url)
	refuse("wrong password", url, nats.UserInfo("tap", "wrong"))
	for _, account := range []Account{Local, Out, In} {
		refuse("in-process user over TCP", url, nats.UserInfo(clue.own[account].name, clue.own[account].password))
	}
	refuse("client on the leaf port", "nats://"+clue.ListenAddr(), nats.UserInfo("tap", "secret"))

	leaf := dialRogue(t, clue.ListenAddr())
	leaf.send(t, `CONNECT {"user":"tap","pass":"secret","name":"score-1"}`)
	if got := leaf.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("tap's password on the leaf port: %q", got)
	}
}

// A peer that registers everything is served what is exported, and nothing else.
func TestRogueGetsOnlyExports(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) {
		s.Exports, s.Importers = []string{solved}, []Importer{score.importer(), hunt.importer()}
	})
	r := dialRogue(t, clue.ListenAddr())
	r.login(t, score.seed, "hunt-1") // its key says score-1
	for _, wide := range []string{">", "*.>", "clue.>", "mesh.link.*", "clue.>  group 1"} {
		r.send(t, "LS+ %s", wide)
	}
	r.sync(t)
	for _, account := range []Account{Local, In, Out} {
		c := clue.connect(t, account)
		publish(t, c, "clue.answer.judged.t1", "private in "+string(account))
		publish(t, c, "clue.clue.solved.t1", "solved in "+string(account))
		publish(t, c, "mesh.link.hunt-1", "of another peer in "+string(account))
	}
	got := r.sync(t)
	for _, bad := range []string{"private", "solved in in", "solved in local", "of another peer"} {
		if strings.Contains(got, bad) {
			t.Errorf("got %q in %q", bad, got)
		}
	}
	if !strings.Contains(got, "solved in out") {
		t.Errorf("not served what is exported: %q", got)
	}
	// Nor does it see interest: only the link's own subjects are offered to it.
	for line := range strings.Lines(got) {
		if subject, ok := strings.CutPrefix(line, "LS+ "); ok && !strings.HasPrefix(subject, "$") {
			t.Errorf("was shown interest in %q", subject)
		}
	}
	for _, link := range clue.Links() {
		if link.Peer == "hunt-1" && link.Proven {
			t.Error("a name was taken for proof")
		}
	}
}

// Another peer's beacon subject is refused, so it proves who a link is.
func TestRogueCannotBeAnother(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) {
		s.Exports, s.Importers = []string{solved}, []Importer{score.importer(), hunt.importer()}
	})
	for _, subject := range []string{"mesh.link.hunt-1", ToReader("hunt-1", "clue-1"), "clue.answer.judged.t1"} {
		r := dialRogue(t, clue.ListenAddr())
		r.login(t, score.seed, "score-1")
		r.sync(t)
		r.send(t, "LS+ %s", subject)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", subject, got)
		}
	}
}

// What a peer publishes reaches neither us nor another peer, and ends its link.
func TestRoguePublishesToNobody(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	link(t, clue, score, hunt)
	boxes := []*inbox{subscribe(t, hunt.connect(t, In), solved, "")}
	for _, account := range []Account{Local, Out, In} {
		boxes = append(boxes, subscribe(t, clue.connect(t, account), ">", ""))
	}
	hunt.ready(t, clue, solved)
	for _, subject := range []string{"clue.clue.solved.t1", "clue.answer.judged.t1", "mesh.emit.clue", "mesh.link.hunt-1",
		ToReader("hunt-1", "clue-1"), FromReader("hunt-1", "clue-1"), FromReader("score-1", "hunt-1"), "$SYS.REQ.SERVER.PING", "$JS.API.INFO"} {
		r := dialRogue(t, clue.ListenAddr())
		r.login(t, score.seed, "score-3")
		r.sync(t)
		r.send(t, "LMSG %s 6\r\nforged", subject)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", subject, got)
		}
	}
	// In its own name it may say what it likes, to us alone.
	r := dialRogue(t, clue.ListenAddr())
	r.login(t, score.seed, "score-3")
	r.send(t, "LMSG %s 6\r\nforged", FromReader("score-1", "clue-1"))
	r.sync(t)
	publish(t, clue.connect(t, Out), "clue.clue.solved.t1", "real")
	boxes[0].await(t, "clue.clue.solved.t1 real")
	for i, box := range boxes {
		for _, message := range box.all() {
			if strings.Contains(message, "forged") && message != FromReader("score-1", "clue-1")+" forged" {
				t.Errorf("box %d: %q", i, message)
			}
		}
	}
	if got := boxes[0].all(); len(got) != 1 {
		t.Errorf("the other peer got %q", got)
	}
}

// An importer's own publishing in account In stays there.
func TestNothingFlowsBack(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)
	box := subscribe(t, clue.connect(t, Out), ">", "")
	in := score.connect(t, In)
	publish(t, in, "clue.clue.solved.t1", "backwards")
	publish(t, in, FromReader("hunt-1", "clue-1"), "backwards")
	// A round trip over the link: beacons are told after what came before them.
	subscribe(t, in, solved, "")
	score.ready(t, clue, solved)
	publish(t, clue.connect(t, Out), "clue.clue.solved.t1", "end")
	for _, message := range box.await(t, "clue.clue.solved.t1 end") {
		if strings.HasSuffix(message, "backwards") {
			t.Errorf("got %q", message)
		}
	}
}

// An exporter is held to what the importer accepts from it.
func TestDeny(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved, "hunt.clue.unlocked.*"} })
	score := start(t, "score-1", nil)
	remote := clue.remote()
	remote.Deny = []string{"hunt.>"}
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	if err := score.Link([]Remote{remote}, nil); err != nil {
		t.Fatal(err)
	}
	in, out := score.connect(t, In), clue.connect(t, Out)
	all := subscribe(t, in, "hunt.clue.unlocked.*", "")
	box := subscribe(t, in, solved, "")
	score.ready(t, clue, solved)
	publish(t, out, "hunt.clue.unlocked.t1", "not theirs")
	publish(t, out, "clue.clue.solved.t1", "theirs")
	box.await(t, "clue.clue.solved.t1 theirs")
	if got := all.all(); len(got) > 0 {
		t.Errorf("accepted %q", got)
	}
	// A changed deny list takes effect while running.
	if err := score.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	score.ready(t, clue, solved, "hunt.clue.unlocked.*")
}
