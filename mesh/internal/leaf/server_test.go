package leaf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A start that fails names what is wrong and leaves nothing behind.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	good, keys := spec(t, "clue-1")
	_, other := spec(t, "score-1")
	peer := Importer{Name: "score-1", Keys: []string{other.public}}
	remote := func(url string) func(*Spec) {
		return func(s *Spec) { s.Remotes = []Remote{{Name: "score-1", URL: url}} }
	}
	tap := func(listen, user, password string) func(*Spec) {
		return func(s *Spec) { s.Tap = &Tap{Listen: listen, User: user, Password: password} }
	}
	for _, test := range []struct {
		what   string
		change func(*Spec)
		want   string
	}{
		{"leaf port in use", func(s *Spec) { s.Listen = address }, address[strings.LastIndex(address, ":")+1:]},
		{"tap port in use", tap(address, "u", "p"), address},
		{"no name", func(s *Spec) { s.Name = "" }, "name"},
		{"hostile name", func(s *Spec) { s.Name = `a" } #` }, "name"},
		{"dotted name", func(s *Spec) { s.Name = "a.b" }, "name"},
		{"listen on every interface by omission", func(s *Spec) { s.Listen = ":7401" }, "no host"},
		{"listen without port", func(s *Spec) { s.Listen = "127.0.0.1" }, "host:port"},
		{"listen on no port", func(s *Spec) { s.Listen = "127.0.0.1:x" }, "port"},
		{"importers without port", func(s *Spec) { s.Listen, s.Importers = "", []Importer{peer} }, "listen"},
		{"importer twice", func(s *Spec) { s.Importers = []Importer{peer, peer} }, "twice"},
		{"one key for two", func(s *Spec) { s.Importers = []Importer{peer, {Name: "b", Keys: []string{other.public}}} }, "its own"},
		{"self import", func(s *Spec) { s.Importers = []Importer{{Name: "clue-1", Keys: []string{other.public}}} }, "own name"},
		{"bad key", func(s *Spec) { s.Importers = []Importer{{Name: "b", Keys: []string{"UABC"}}} }, "public nkey"},
		{"bad seed", func(s *Spec) { s.Seed = "SUABADSEED" }, "SU"},
		{"public key as seed", func(s *Spec) { s.Seed = other.public }, "SU"},
		{"no seed", func(s *Spec) { s.Seed = ""; remote("nats-leaf://127.0.0.1:1")(s) }, "seed"},
		{"bad scheme", remote("http://127.0.0.1:1"), "nats-leaf"},
		{"no port", remote("nats-leaf://127.0.0.1"), "port"},
		{"remote twice", func(s *Spec) { s.Remotes = []Remote{{Name: "a"}, {Name: "a"}} }, "twice"},
		{"own remote", func(s *Spec) { s.Remotes = []Remote{{Name: "clue-1"}} }, "own name"},
		{"one URL for two", func(s *Spec) {
			s.Remotes = []Remote{{Name: "a", URL: "nats-leaf://127.0.0.1:1"}, {Name: "b", URL: "nats-leaf://127.0.0.1:1"}}
		}, "URL of a"},
		{"credentials in URL", remote("nats-leaf://u:hidden@127.0.0.1:1"), "credentials"},
		{"unparsable URL", remote("nats-leaf://u:hidden@127.0.0.1:1\x00"), "not a URL"},
		{"tap on all interfaces", tap("0.0.0.0:0", "u", "p"), "loopback"},
		{"tap on a name", tap("localhost:0", "u", "p"), "loopback"},
		{"tap without password", tap("127.0.0.1:0", "u", ""), "password"},
		{"outbox nowhere", func(s *Spec) { s.Outbox = &Outbox{MaxBytes: 1} }, "directory"},
		{"outbox of no size", func(s *Spec) { s.Outbox = &Outbox{Dir: "x"} }, "max bytes"},
		{"outbox with negative time", func(s *Spec) { s.Outbox = &Outbox{Dir: "x", MaxBytes: 1, SyncInterval: -1} }, "sync interval"},
		{"tiny max payload", func(s *Spec) { s.MaxPayload = 10 }, "max payload"},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := good
			test.change(&s)
			before := goleak.IgnoreCurrent()
			server, err := Start(t.Context(), s)
			if err == nil {
				if err = server.Serve(); err != nil {
					_ = server.Stop(context.Background())
				}
			}
			if err == nil {
				_ = server.Stop(context.Background())
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q is not in: %v", test.want, err)
			}
			for _, secret := range []string{keys.seed, "hidden", "SUABADSEED"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret is in: %v", err)
				}
			}
			goleak.VerifyNone(t, before)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

func TestStop(t *testing.T) {
	before := goleak.IgnoreCurrent()
	clue := start(t, "clue-1", withTap)
	score := start(t, "score-1", nil)
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	in.hear(t, ">")
	out.hears(t, ToReader("score-1", "clue-1"))
	subscribe(t, clue.connect(t, Local), ">", "")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := clue.Stop(ended); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("stop with an ended context: %v", err)
	}
	for _, n := range []*node{clue, score, clue} {
		if err := n.Stop(timeout(t)); err != nil {
			t.Error(err)
		}
	}
	goleak.VerifyNone(t, before)
	if _, err := clue.Connect(Local); err == nil {
		t.Error("connected to a stopped server")
	}
	if err := clue.Link(nil, nil); !errors.Is(err, ErrStopped) {
		t.Errorf("link: %v", err)
	}
	if _, up := in.Link(); up || out.Hears(ToReader("score-1", "clue-1")) {
		t.Error("a stopped server has a link")
	}
	if _, err := clue.ToReader("score-1"); !errors.Is(err, ErrStopped) {
		t.Errorf("a line: %v", err)
	}
	if clue.Interested("a") || clue.TapClients() != 0 {
		t.Error("a stopped server has interest")
	}
	_ = clue.Links()
}

func TestNoSecretIsPrinted(t *testing.T) {
	s, n := spec(t, "clue-1")
	s.Tap = &Tap{Listen: "127.0.0.1:0", User: "tap", Password: "tap-password"}
	s.Remotes = []Remote{{Name: "score-1", URL: "nats-leaf://127.0.0.1:1", Keys: []string{n.public}}}
	n.start(t, s)
	var all strings.Builder
	log := slog.New(slog.NewTextHandler(&all, nil))
	slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "spec", s, "tap", s.Tap, "server", n.Server)
	log.Info("x", "spec", s, "tap", s.Tap, "server", n.Server)
	for _, v := range []any{s, &s, s.Tap, *s.Tap, n.Server, []any{s, n.Server}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&all, verb, v)
		}
		if text, err := json.Marshal(v); err == nil {
			all.Write(text)
		}
	}
	n.Server.log.Errorf("oh %s", s.Seed+" "+s.Tap.Password+" "+n.own.password)
	all.WriteString(n.log.String())
	for _, secret := range []string{s.Seed, s.Tap.Password, n.own.password} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if !strings.Contains(n.log.String(), "oh [redacted] [redacted] [redacted]") {
		t.Errorf("log: %s", n.log.String())
	}
}

// Lines live on while links change.
func TestLineSurvivesLink(t *testing.T) {
	clue, hunt := start(t, "clue-1", nil), start(t, "hunt-1", nil)
	link(t, clue, hunt)
	out, in := clue.toReader(t, hunt), hunt.toExporter(t, "clue-1")
	box := in.hear(t, ToReader("hunt-1", "clue-1"))
	out.hears(t, ToReader("hunt-1", "clue-1"))
	for i := range 3 {
		score := start(t, "score-1", nil)
		if err := clue.Link(nil, []Importer{hunt.importer(), score.importer()}); err != nil {
			t.Fatal(err)
		}
		out.send(t, ToReader("hunt-1", "clue-1"), number(i))
	}
	if got := box.await(t, ToReader("hunt-1", "clue-1")+" "+number(2)); len(got) != 3 {
		t.Errorf("got %q", got)
	}
	if out.conn.Reconnects > 0 || in.conn.Reconnects > 0 {
		t.Error("a line broke")
	}
	// A line to a peer that is no longer reaches nobody, and is of use again when the peer is back.
	if err := clue.Link(nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, up := out.Link(); up || out.Hears(ToReader("hunt-1", "clue-1")) {
		t.Error("the line to hunt-1 leads somewhere")
	}
	if err := clue.Link(nil, []Importer{hunt.importer()}); err != nil {
		t.Fatal(err)
	}
	out.hears(t, ToReader("hunt-1", "clue-1"))
	eventually(t, "the connection is there again", func() bool { return out.conn.IsConnected() })
	out.send(t, ToReader("hunt-1", "clue-1"), "again")
	box.await(t, ToReader("hunt-1", "clue-1")+" again")
}

// freezer is a TCP proxy that can stop passing anything on, and stays connected.
type freezer struct {
	net.Listener
	frozen  chan struct{}
	swallow bool // go on reading when frozen, as a lost network does to the sender for a while
	ended   chan struct{}
}

func freeze(t *testing.T, target string, swallow bool) *freezer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{Listener: l, frozen: make(chan struct{}), swallow: swallow, ended: make(chan struct{})}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			t.Cleanup(func() { _, _ = in.Close(), out.Close() })
			go f.pass(in, out)
			go f.pass(out, in)
		}
	}()
	t.Cleanup(func() { close(f.ended); _ = l.Close(); <-finished })
	return f
}

func (f *freezer) pass(from, to net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		select {
		case <-f.frozen:
			if f.swallow {
				_, _ = io.Copy(io.Discard, from)
			}
			<-f.ended
			return
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		_, _ = to.Write(buffer[:n])
	}
}

// Both ends notice a frozen link within 4 ping intervals, 14 s at 3.5 s each; also
// when messages are stuck on it.
func TestFrozenPeerIsNoticed(t *testing.T) {
	if 4*pingInterval > 15*time.Second {
		t.Errorf("4 intervals of %v are over 15 s", pingInterval)
	}
	t.Run("idle", func(t *testing.T) { frozen(t, true) })
	t.Run("stuck", func(t *testing.T) { frozen(t, false) })
}

func frozen(t *testing.T, idle bool) {
	const ping = 300 * time.Millisecond
	quick := func(s *Spec) { s.Ping = ping }
	clue, score := start(t, "clue-1", quick), start(t, "score-1", quick)
	proxy := freeze(t, clue.ListenAddr(), idle)
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	if err := score.Link([]Remote{{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr().String(), Keys: []string{clue.public}}}, nil); err != nil {
		t.Fatal(err)
	}
	out, subject := clue.toReader(t, score), ToReader("score-1", "clue-1")
	score.toExporter(t, "clue-1").hear(t, subject)
	out.hears(t, subject)
	_ = proxy.Close() // no new link
	close(proxy.frozen)
	took := map[*node]<-chan int{clue: intervalsUntilDown(clue, ping), score: intervalsUntilDown(score, ping)}
	if !idle {
		for range 400 { // 20 MB: more than the sockets' buffers hold
			out.send(t, subject, strings.Repeat("x", 50<<10))
		}
	}
	for n, took := range took {
		if intervals := <-took; intervals > 5 { // 4, and the one in which it was seen
			t.Errorf("%s noticed in interval %d", n.name, intervals)
		}
	}
}

// intervalsUntilDown tells in which ping interval, from 1, a node's link is down; past
// some it looks no more. An interval begins when the one before it was seen to be over,
// as that of the server's own timer does: what a busy machine loses counts for neither.
func intervalsUntilDown(n *node, ping time.Duration) <-chan int {
	result := make(chan int, 1)
	go func() {
		intervals := 1
		over := time.After(ping)
		for intervals < 20 && n.Links()[0].Connected {
			select {
			case <-over:
				intervals++
				over = time.After(ping)
			case <-time.After(5 * time.Millisecond):
			}
		}
		result <- intervals
	}()
	return result
}

// Reconnect waits are spread, and each server keeps its own.
func TestReconnectIsSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		d := Spec{}.withDefaults().tuning.reconnect
		if d < 500*time.Millisecond || d > 1500*time.Millisecond {
			t.Errorf("%v", d)
		}
		seen[d] = true
	}
	if len(seen) < 25 {
		t.Errorf("%d different waits of 50", len(seen))
	}
}

// Asking is cheap enough to do for each event.
func TestAskingDoesNotAllocate(t *testing.T) {
	clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
	link(t, clue, score)
	subscribe(t, clue.connect(t, Local), "clue.*.solved.*", "")
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	out.linked(t)
	if a := testing.AllocsPerRun(100, func() {
		clue.Interested("clue.clue.solved.t1")
		clue.TapClients()
		out.Hears(ToReader("score-1", "clue-1"))
		out.Link()
	}); a > 1 { // the subject, here
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkInterested(b *testing.B) {
	n := start(b, "clue-1", nil)
	subscribe(b, n.connect(b, Local), "clue.clue.solved.*", "")
	for b.Loop() {
		n.Interested("clue.clue.solved.t1")
	}
}
