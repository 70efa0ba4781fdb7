package leaf

import (
	"bufio"
	"crypto/tls"
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
	seed  string
	nonce string
}

// dialRogue dials as who has that seed.
func dialRogue(t testing.TB, address, seed string) *rogue {
	t.Helper()
	own, err := newNkeyProof(seed)
	if err != nil {
		t.Fatal(err)
	}
	return greet(t, tls.Client(dialTCP(t, address), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own.own}}), seed)
}

func dialTCP(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// greet reads the first line of a leaf port.
func greet(t testing.TB, c net.Conn, seed string) *rogue {
	t.Helper()
	r := &rogue{Conn: c, lines: bufio.NewReader(c), seed: seed}
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(r.await(t, "INFO "), "INFO ")), &info); err != nil {
		t.Fatal(err)
	}
	r.nonce = info.Nonce
	return r
}

func (r *rogue) send(t testing.TB, format string, values ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(r, format+"\r\n", values...); err != nil {
		t.Fatal(err)
	}
}

// await reads up to a line with the prefix.
func (r *rogue) await(t testing.TB, prefix string) string {
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
func (r *rogue) sync(t testing.TB) string {
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

// login sends a CONNECT as the server of that name, who it is being proved by the handshake.
func (r *rogue) login(t testing.TB, name string) {
	t.Helper()
	connect, _ := json.Marshal(map[string]any{"name": name, "server_id": name, "headers": true, "remote_account": "in", "version": "2.15.2"})
	r.send(t, "CONNECT %s", connect)
}

// sign is login on a plain link: it signs the nonce.
func (r *rogue) sign(t testing.TB, name string) {
	t.Helper()
	pair, err := nkeys.FromSeed([]byte(r.seed))
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
func (r *rogue) closed(t testing.TB) string {
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

// A plain leaf port asks for a signature.
func TestPlainPortNeedsACredential(t *testing.T) {
	score, other := start(t, "score-1", nil), start(t, "score-2", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Plain, s.Importers = true, []Importer{score.importer()} })

	none := greet(t, dialTCP(t, clue.ListenAddr()), "")
	none.send(t, `CONNECT {"name":"score-1"}`)
	if got := none.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("no credential: %q", got)
	}
	wrong := greet(t, dialTCP(t, clue.ListenAddr()), other.seed)
	wrong.sign(t, "score-1")
	if got := wrong.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("wrong key: %q", got)
	}
	stolen := greet(t, dialTCP(t, clue.ListenAddr()), score.seed)
	stolen.nonce = "another nonce"
	stolen.sign(t, "score-1")
	if got := stolen.closed(t); !strings.Contains(got, "Authorization Violation") {
		t.Errorf("signature of another nonce: %q", got)
	}
	right := greet(t, dialTCP(t, clue.ListenAddr()), score.seed)
	right.sign(t, "score-1")
	right.await(t, "LS+ ")
}

// Our own in-process users, the tap's and a link's are good for one way in each.
func TestCredentialsOpenOneDoorOnly(t *testing.T) {
	score := start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) {
		s.Importers = []Importer{score.importer()}
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
	for _, account := range []Account{Local, readerAccount("score-1")} {
		refuse("in-process user over TCP", url, nats.UserInfo(clue.own.user(account), clue.own.password))
	}
	refuse("client on the leaf port", "nats://"+clue.ListenAddr(), nats.UserInfo("tap", "secret"))

	for _, connect := range []string{`{"user":"tap","pass":"secret","name":"score-1"}`,
		fmt.Sprintf(`{"user":%q,"pass":%q,"name":"score-1"}`, clue.own.user(Local), clue.own.password)} {
		leaf := dialRogue(t, clue.ListenAddr(), score.seed)
		leaf.send(t, "CONNECT %s", connect)
		if got := leaf.closed(t); !strings.Contains(got, "Authorization Violation") {
			t.Errorf("%s on the leaf port: %q", connect, got)
		}
	}
}

// A peer that registers everything hears what is said to it, and nothing else.
func TestRogueHearsOnlyWhatIsForIt(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer(), hunt.importer()} })
	r := dialRogue(t, clue.ListenAddr(), score.seed)
	r.login(t, "hunt-1") // its key says score-1
	own := ToReader("score-1", "clue-1")
	for _, wide := range []string{">", "*.>", "mesh.>", "mesh.to.>", "mesh.to.*.clue-1", ToReader("hunt-1", "clue-1") + ".>",
		"mesh.>  group 1", own, own + ".>"} {
		r.send(t, "LS+ %s", wide)
	}
	r.sync(t)
	toScore, toHunt := clue.toReader(t, score), clue.toReader(t, hunt)
	local := clue.connect(t, Local)
	for _, c := range []*nats.Conn{local, toHunt.conn, toScore.conn} {
		publish(t, c, own, "for score")
		publish(t, c, EventsTo("score-1", "clue-1", solved), "an event for score")
		publish(t, c, ToReader("hunt-1", "clue-1"), "for hunt")
		publish(t, c, EventsTo("hunt-1", "clue-1", solved), "an event for hunt")
		publish(t, c, solved+".t1", "private")
	}
	toScore.hear(t, ">")
	got := r.sync(t)
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "LMSG") && !strings.HasPrefix(line, "LMSG "+own) {
			t.Errorf("got %q", line)
		}
		// Nor does it see other interest than the process's own in what it says.
		if subject, ok := strings.CutPrefix(line, "LS+ "); ok && !strings.HasPrefix(subject, "$") && !strings.HasPrefix(subject, ">") {
			t.Errorf("was shown interest in %q", subject)
		}
	}
	if many := strings.Count(got, "LMSG"); many != 2 {
		t.Errorf("got %d messages, want those on its own line: %q", many, got)
	}
	for _, link := range clue.Links() {
		if link.Connected != (link.Peer == "score-1") {
			t.Errorf("a name was taken for proof: %+v", link)
		}
	}
}

// Interest in what is another's ends a link.
func TestRogueAsksForAnothers(t *testing.T) {
	score, hunt := start(t, "score-1", nil), start(t, "hunt-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer(), hunt.importer()} })
	for _, subject := range []string{ToReader("hunt-1", "clue-1"), EventsTo("hunt-1", "clue-1", solved), solved + ".t1"} {
		r := dialRogue(t, clue.ListenAddr(), score.seed)
		r.login(t, "score-1")
		r.sync(t)
		r.send(t, "LS+ %s", subject)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", subject, got)
		}
	}
}

// What a peer publishes that is not its to say reaches nobody, and ends its link.
func TestRoguePublishesToNobody(t *testing.T) {
	clue, score, hunt := start(t, "clue-1", nil), start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score, hunt)
	toScore, toHunt, atHunt := clue.toReader(t, score), clue.toReader(t, hunt), hunt.toExporter(t, "clue-1")
	said := FromReader("score-1", "clue-1")
	boxes := []*inbox{atHunt.hear(t, ">")}
	toHunt.hears(t, ToReader("hunt-1", "clue-1")) // before this node does
	boxes = append(boxes, subscribe(t, clue.connect(t, Local), ">", ""), toHunt.hear(t, ">"), toScore.hear(t, ">"))
	for _, subject := range []string{solved + ".t1", EventsTo("score-1", "clue-1", solved), EventsTo("hunt-1", "clue-1", solved), "mesh.emit.clue",
		ToReader("hunt-1", "clue-1"), FromReader("hunt-1", "clue-1"), FromReader("score-1", "hunt-1"), "$SYS.REQ.SERVER.PING", "$JS.API.INFO"} {
		r := dialRogue(t, clue.ListenAddr(), score.seed)
		r.login(t, "score-3")
		r.sync(t)
		r.send(t, "LMSG %s 6\r\nforged", subject)
		if got := r.closed(t); !strings.Contains(got, "Permissions Violation") {
			t.Errorf("%s: %q", subject, got)
		}
	}
	// In its own name it may say what it likes, to us alone.
	r := dialRogue(t, clue.ListenAddr(), score.seed)
	r.login(t, "score-3")
	r.send(t, "LMSG %s 6\r\nmine!!", said)
	r.sync(t)
	if got := boxes[3].await(t, said+" mine!!"); len(got) != 1 {
		t.Errorf("heard %q", got)
	}
	toHunt.send(t, ToReader("hunt-1", "clue-1"), "real")
	boxes[0].await(t, ToReader("hunt-1", "clue-1")+" real")
	for i, box := range boxes {
		for _, message := range box.all() {
			if strings.Contains(message, "forged") || i != 3 && strings.Contains(message, "mine!!") {
				t.Errorf("box %d: %q", i, message)
			}
		}
	}
}
