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

	"github.com/nats-io/nats.go"
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
	peer := Importer{Name: "score-1", PublicKey: other.public}
	remote := func(url string, deny ...string) func(*Spec) {
		return func(s *Spec) { s.Remotes = []Remote{{Name: "score-1", URL: url, Deny: deny}} }
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
		{"one key for two", func(s *Spec) { s.Importers = []Importer{peer, {Name: "b", PublicKey: other.public}} }, "its own"},
		{"self import", func(s *Spec) { s.Importers = []Importer{{Name: "clue-1", PublicKey: other.public}} }, "own name"},
		{"bad key", func(s *Spec) { s.Importers = []Importer{{Name: "b", PublicKey: "UABC"}} }, "public nkey"},
		{"bad seed", func(s *Spec) { s.Seed = "SUABADSEED" }, "SU"},
		{"public key as seed", func(s *Spec) { s.Seed = other.public }, "SU"},
		{"no seed", func(s *Spec) { s.Seed = ""; remote("nats-leaf://127.0.0.1:1")(s) }, "seed"},
		{"bad scheme", remote("http://127.0.0.1:1"), "nats-leaf"},
		{"no port", remote("nats-leaf://127.0.0.1"), "port"},
		{"no URL", remote(""), "nats-leaf"},
		{"credentials in URL", remote("nats-leaf://u:hidden@127.0.0.1:1"), "credentials"},
		{"unparsable URL", remote("nats-leaf://u:hidden@127.0.0.1:1\x00"), "not a URL"},
		{"deny of all", remote("nats-leaf://127.0.0.1:1", ">"), "mesh.>"},
		{"deny of no subject", remote("nats-leaf://127.0.0.1:1", "a..b"), "a..b"},
		{"export of all", func(s *Spec) { s.Exports = []string{">"} }, "literal"},
		{"export of what is the mesh's own", func(s *Spec) { s.Exports = []string{"mesh.to.>"} }, "mesh.>"},
		{"export of no subject", func(s *Spec) { s.Exports = []string{"a.b c"} }, "a.b c"},
		{"exports too long for a beacon", func(s *Spec) { s.MaxPayload, s.Exports = 1024, []string{"a." + strings.Repeat("b", 600)} }, "raise"},
		{"tap on all interfaces", tap("0.0.0.0:0", "u", "p"), "loopback"},
		{"tap on a name", tap("localhost:0", "u", "p"), "loopback"},
		{"tap without password", tap("127.0.0.1:0", "u", ""), "password"},
		{"deny of what is said to this node", remote("nats-leaf://127.0.0.1:1", "mesh.to.clue-1.*"), "mesh.>"},
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
	clue := start(t, "clue-1", func(s *Spec) { withTap(s); s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)
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
	if clue.Interested(Local, "a") || clue.TapClients() != 0 {
		t.Error("a stopped server has interest")
	}
	_ = clue.Links()
}

func TestNoSecretIsPrinted(t *testing.T) {
	s, n := spec(t, "clue-1")
	s.Tap = &Tap{Listen: "127.0.0.1:0", User: "tap", Password: "tap-password"}
	s.Remotes = []Remote{{Name: "score-1", URL: "nats-leaf://127.0.0.1:1"}}
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
	n.Server.log.Errorf("oh %s", s.Seed+" "+s.Tap.Password+" "+n.own[In].password)
	all.WriteString(n.log.String())
	for _, secret := range []string{s.Seed, s.Tap.Password, n.own[Local].password, n.own[In].password} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q is printed", secret)
		}
	}
	if !strings.Contains(n.log.String(), "oh [redacted] [redacted] [redacted]") {
		t.Errorf("log: %s", n.log.String())
	}
}

// In-process connections live on while links change.
func TestConnectSurvivesLink(t *testing.T) {
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	dropped := make(chan error, 10)
	c, err := clue.Connect(Out, nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { dropped <- err }))
	if err != nil {
		t.Fatal(err)
	}
	box := subscribe(t, c, ">", "")
	for range 3 {
		score := start(t, "score-1", nil)
		link(t, clue, score)
		score.ready(t, clue)
		publish(t, c, "clue.clue.solved.t1", "still here")
	}
	eventually(t, "messages", func() bool {
		got := box.all()
		n := 0
		for _, m := range got {
			if strings.HasSuffix(m, "still here") {
				n++
			}
		}
		return n == 3
	})
	if len(dropped) > 0 {
		t.Errorf("dropped: %v", <-dropped)
	}
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
	quick := func(s *Spec) { s.Exports, s.tuning.ping = []string{solved}, ping }
	clue, score := start(t, "clue-1", quick), start(t, "score-1", quick)
	proxy := freeze(t, clue.ListenAddr(), idle)
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	if err := score.Link([]Remote{{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr().String()}}, nil); err != nil {
		t.Fatal(err)
	}
	subscribe(t, score.connect(t, In), solved, "")
	score.ready(t, clue, solved)
	_ = proxy.Close() // no new link
	close(proxy.frozen)
	took := map[*node]<-chan int{clue: intervalsUntilDown(clue, ping), score: intervalsUntilDown(score, ping)}
	if !idle {
		out := clue.connect(t, Out)
		for range 400 { // 20 MB: more than the sockets' buffers hold
			publish(t, out, "clue.clue.solved.t1", strings.Repeat("x", 50<<10))
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
func TestInterestedDoesNotAllocate(t *testing.T) {
	n := start(t, "clue-1", nil)
	subscribe(t, n.connect(t, Out), "clue.*.solved.*", "")
	n.Interested(Out, "clue.clue.solved.t1")
	if a := testing.AllocsPerRun(100, func() { n.Interested(Out, "clue.clue.solved.t1"); n.TapClients() }); a > 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkInterested(b *testing.B) {
	n := start(b, "clue-1", nil)
	subscribe(b, n.connect(b, Out), "clue.clue.solved.*", "")
	for b.Loop() {
		n.Interested(Out, "clue.clue.solved.t1")
	}
}
