package meshtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
)

// pair is a connection through a proxy: the client's end and the server's.
type pair struct{ client, server net.Conn }

// target accepts connections.
type target struct {
	t        testing.TB
	listener net.Listener
	proxy    *meshtest.Proxy
}

func openTarget(t testing.TB) *target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return &target{t: t, listener: listener, proxy: meshtest.OpenProxy(t, listener.Addr().String())}
}

func (x *target) connect() pair {
	x.t.Helper()
	client, err := net.Dial("tcp", x.proxy.Addr())
	must(x.t, err)
	x.t.Cleanup(func() { _ = client.Close() })
	must(x.t, client.SetDeadline(time.Now().Add(20*time.Second)))
	server, err := x.listener.Accept()
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = server.Close() })
	must(x.t, server.SetDeadline(time.Now().Add(20*time.Second)))
	return pair{client, server}
}

// refused fails unless a new connection is reset, which dialing may see already.
func (x *target) refused() {
	x.t.Helper()
	client, err := net.Dial("tcp", x.proxy.Addr())
	if errors.Is(err, syscall.ECONNRESET) {
		return
	}
	must(x.t, err)
	defer client.Close()
	must(x.t, client.SetDeadline(time.Now().Add(20*time.Second)))
	broken(x.t, client)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sends writes a text at one end and reads it at the other.
func sends(t testing.TB, from, to net.Conn, text string) {
	t.Helper()
	wrote := make(chan error, 1)
	go func() { wrote <- second(io.WriteString(from, text)) }() // a long text is more than waits on its way
	expect(t, to, text)
	must(t, <-wrote)
}

func expect(t testing.TB, to net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != text {
		t.Fatalf("got %.40q, %v; want %.40q", got, err, text)
	}
}

// silent fails if something arrives within a moment. It cannot prove that nothing
// ever will.
func silent(t testing.TB, at net.Conn) {
	t.Helper()
	must(t, at.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if n, err := at.Read(make([]byte, 1)); n > 0 || !isTimeout(err) {
		t.Fatalf("%d bytes arrived, %v", n, err)
	}
	must(t, at.SetReadDeadline(time.Now().Add(20*time.Second)))
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// broken fails unless the connection ends with a reset, and not with an end.
func broken(t testing.TB, at net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, at); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("it ended with %v, not with a reset", err)
	}
}

func TestProxyForwards(t *testing.T) {
	x := openTarget(t)
	first, second := x.connect(), x.connect()
	sends(t, first.client, first.server, "ping")
	sends(t, second.server, second.client, "hello, client")
	sends(t, first.server, first.client, "pong")
	large := strings.Repeat("0123456789abcdef", 1<<16)
	var sending sync.WaitGroup
	sending.Go(func() { _, _ = io.WriteString(second.client, large) })
	expect(t, second.server, large)
	sending.Wait()
	to, from := uint64(4+len(large)), uint64(13+4)
	if p := x.proxy; p.Forwarded(meshtest.ToTarget) != to || p.Forwarded(meshtest.FromTarget) != from || p.Forwarded(meshtest.Both) != to+from {
		t.Errorf("forwarded %d and %d bytes, want %d and %d", p.Forwarded(meshtest.ToTarget), p.Forwarded(meshtest.FromTarget), to, from)
	}
}

func TestProxyPassesEndsOn(t *testing.T) {
	p := openTarget(t).connect()
	must(t, p.client.(*net.TCPConn).CloseWrite())
	if rest, err := io.ReadAll(p.server); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	sends(t, p.server, p.client, "the other way is open still")
	must(t, p.server.Close())
	if rest, err := io.ReadAll(p.client); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestProxyPassesResetsOn(t *testing.T) {
	p := openTarget(t).connect()
	must(t, p.server.(*net.TCPConn).SetLinger(0))
	must(t, p.server.Close())
	broken(t, p.client)
}

func TestProxyCut(t *testing.T) {
	x := openTarget(t)
	before := x.connect()
	x.proxy.Cut()
	broken(t, before.client)
	broken(t, before.server)
	x.refused()
	x.proxy.Restore()
	after := x.connect()
	sends(t, after.client, after.server, "again")
}

func TestProxyStall(t *testing.T) {
	for name, c := range map[string]struct {
		stalled        meshtest.Direction
		toward, onward bool // what gets through nevertheless
	}{
		"both":        {meshtest.Both, false, false},
		"to target":   {meshtest.ToTarget, false, true},
		"from target": {meshtest.FromTarget, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := openTarget(t)
			p := x.connect()
			sends(t, p.client, p.server, "before")
			x.proxy.Stall(c.stalled)
			also := x.connect() // new ones are accepted
			for _, p := range []pair{p, also} {
				for _, way := range []struct {
					from, to net.Conn
					open     bool
				}{{p.client, p.server, c.toward}, {p.server, p.client, c.onward}} {
					if _, err := io.WriteString(way.from, "waits"); err != nil {
						t.Fatal(err)
					}
					if way.open {
						expect(t, way.to, "waits")
					} else {
						silent(t, way.to)
					}
				}
			}
			x.proxy.Restore()
			for _, p := range []pair{p, also} {
				if !c.toward {
					expect(t, p.server, "waits")
				}
				if !c.onward {
					expect(t, p.client, "waits")
				}
				sends(t, p.client, p.server, "goes on")
				sends(t, p.server, p.client, "goes on")
			}
		})
	}
}

func TestProxyStallHoldsTheEndUp(t *testing.T) {
	x := openTarget(t)
	p := x.connect()
	sends(t, p.client, p.server, "before")
	x.proxy.Stall(meshtest.Both)
	must(t, p.client.Close())
	silent(t, p.server)
	x.proxy.Restore()
	if rest, err := io.ReadAll(p.server); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestProxyCutEndsAStall(t *testing.T) {
	x := openTarget(t)
	p := x.connect()
	x.proxy.Stall(meshtest.Both)
	must(t, second(p.client.Write([]byte("never arrives"))))
	x.proxy.Cut()
	if n, err := io.Copy(io.Discard, p.server); n > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d bytes arrived, %v", n, err)
	}
	broken(t, p.client)
}

func second(_ int, err error) error { return err }

func TestProxyReset(t *testing.T) {
	for name, c := range map[string]struct {
		direction meshtest.Direction
		bytes     int
	}{
		"to target": {meshtest.ToTarget, 5}, "from target": {meshtest.FromTarget, 5}, "both": {meshtest.Both, 5}, "at once": {meshtest.ToTarget, 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := openTarget(t)
			p, other := x.connect(), x.connect()
			sends(t, p.client, p.server, "before")
			x.proxy.Reset(c.direction, c.bytes)
			from, to := p.client, p.server
			if c.direction == meshtest.FromTarget {
				from, to = to, from
			}
			if c.direction != meshtest.Both { // what goes the other way does not count
				sends(t, to, from, "a long text that does not count")
			}
			text := "hello, world"
			if c.bytes > 2 { // in two parts, each of which counts
				sends(t, from, to, text[:2])
				text, c.bytes = text[2:], c.bytes-2
			}
			must(t, second(io.WriteString(from, text)))
			var got bytes.Buffer
			if _, err := io.Copy(&got, to); !errors.Is(err, syscall.ECONNRESET) || got.String() != text[:c.bytes] {
				t.Errorf("got %q, %v; want the first %d bytes of %q and a reset", &got, err, c.bytes, text)
			}
			broken(t, from)
			// It was once, and for one.
			sends(t, other.client, other.server, "hello, world")
			sends(t, other.server, other.client, "hello, world")
			again := x.connect()
			sends(t, again.client, again.server, "hello, world")
		})
	}
}

func TestProxySlow(t *testing.T) {
	const bytesPerSecond = 100_000
	x := openTarget(t)
	p := x.connect()
	x.proxy.Slow(meshtest.ToTarget, bytesPerSecond)
	text, long := strings.Repeat("x", bytesPerSecond/4), strings.Repeat("x", 30*bytesPerSecond)
	begun := time.Now()
	sends(t, p.client, p.server, text)
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("%d bytes took %v at %d bytes a second", len(text), took, bytesPerSecond)
	}
	sends(t, p.server, p.client, long)
	x.proxy.Restore()
	sends(t, p.client, p.server, long)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("the other direction, and all after Restore, took %v", took)
	}
}

func TestProxyWithoutATarget(t *testing.T) {
	x := openTarget(t)
	must(t, x.listener.Close())
	x.refused()
}

// proxyFrame is a method of a proxy in a stack, and not as what created a goroutine.
var proxyFrame = regexp.MustCompile(`meshtest\.\(\*(Proxy|passage)\)[\w.]+\(`)

func TestProxyCloseWaits(t *testing.T) {
	before := goleak.IgnoreCurrent()
	x := openTarget(t)
	open, stalled := x.connect(), x.connect()
	for range 100 { // so that there is something to wait for
		x.connect()
	}
	sends(t, open.client, open.server, "before")
	x.proxy.Stall(meshtest.Both)
	must(t, second(io.WriteString(stalled.client, "waits")))
	stacks := make([]byte, 1<<20) // goleak waits a while for goroutines to end, Close must not need that
	x.proxy.Close()
	if running := proxyFrame.Find(stacks[:runtime.Stack(stacks, true)]); running != nil {
		t.Errorf("%s still runs", running)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
	for _, end := range []net.Conn{open.client, open.server, stalled.client, stalled.server} {
		broken(t, end)
	}
	x.proxy.Close()
	if _, err := net.Dial("tcp", x.proxy.Addr()); err == nil {
		t.Error("the port is still open")
	}
}

// Nodes link through a proxy, and again after each kind of trouble.
func TestNodesLinkThroughAProxy(t *testing.T) {
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	counted := make(chan string, 100)
	exporter := clueNode()
	exporter.Listen, exporter.Seed, exporter.Peers = "127.0.0.1:0", mesh.NewSecret(clueSeed), []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	clue := openNode(t, ctx, exporter)
	proxy := meshtest.OpenProxy(t, clue.ListenAddr())
	importer := scoreNode("score-1", mesh.Shared)
	importer.Seed, importer.Peers = mesh.NewSecret(scoreSeed), []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + proxy.Addr(), Key: clueKey}}
	importer.Handlers = []mesh.Handler{solved.Handle("count", func(_ context.Context, s solve) error {
		counted <- s.Clue
		return nil
	})}
	score := openNode(t, ctx, importer)
	for _, trouble := range []struct {
		name  string
		begin func()
	}{
		{"none", func() {}},
		{"cut", func() { proxy.Cut(); proxy.Restore() }},
		{"reset in the middle of an event", func() { proxy.Reset(meshtest.FromTarget, 40) }},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			must(t, score.Ready(ctx))
			trouble.begin()
			// Events are lost while the link is down; one gets through in the end.
			for n := 0; ; n++ {
				if err := solved.Emit(clue.Context(ctx), solve{Team: "otters", Clue: trouble.name}); err != nil {
					t.Fatal(err)
				}
				select {
				case got := <-counted:
					if got == trouble.name {
						return
					}
				case <-time.After(10 * time.Millisecond):
				case <-ctx.Done():
					t.Fatalf("nothing arrived after %d events", n)
				}
			}
		})
	}
}

func keyPair(t testing.TB) (seed, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	must(t, err)
	secret, err := pair.Seed()
	must(t, err)
	public, err = pair.PublicKey()
	must(t, err)
	return string(secret), public
}

func openNode(t testing.TB, ctx context.Context, config mesh.Config) *mesh.Node {
	t.Helper()
	node, err := mesh.Open(ctx, config)
	must(t, err)
	t.Cleanup(func() { must(t, node.Close(context.Background())) })
	return node
}
