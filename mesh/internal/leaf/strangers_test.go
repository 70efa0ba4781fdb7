package leaf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"leafmesh/mesh/internal/race"
)

// heap is what the heap and the stacks hold after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// quiet checks that a log has few lines, and nothing in it but text.
func (n *node) quiet(t *testing.T, most int) {
	t.Helper()
	if err := n.handler.Close(); err != nil {
		t.Error(err)
	}
	log := n.log.String()
	if lines := strings.Count(log, "\n"); lines > most || len(log) > most*(maxOutside+300) {
		t.Errorf("%d lines, %d bytes:\n%.2000s", lines, len(log), log)
	}
	for _, r := range log {
		if r < ' ' && r != '\n' {
			t.Errorf("%q in the log", r)
			break
		}
	}
}

// A thousand strangers are a line of the log, another with their count, and no memory.
func TestManyStrangers(t *testing.T) {
	many := 1000
	if race.Enabled {
		many = 300
	}
	score, stranger := start(t, "score-1", nil), start(t, "stranger-1", nil)
	evil := "\x1b[2J\x07" + strings.Repeat("A", 3000)
	named := tlsOf(stranger.signed(t, func(c *x509.Certificate) { c.DNSNames = []string{strings.Repeat("a", 3000)} }))
	for what, test := range map[string]struct {
		plain bool
		knock func(address string)
		lines int
	}{
		"by TLS":           {false, func(a string) { _, _, _ = dialTLS(t, a, tlsOf(stranger.cert(t))) }, 2},
		"with a long name": {false, func(a string) { _, _, _ = dialTLS(t, a, named) }, 2},
		"without one":      {false, func(a string) { _, _, _ = dialTLS(t, a, &tls.Config{}) }, 2},
		"with noise":       {false, func(a string) { _, _ = io.WriteString(dialTCP(t, a), "GET / HTTP/1.1\r\n\r\n") }, 0},
		"who look":         {false, func(a string) { _ = dialTCP(t, a).Close() }, 0},
		"on a plain port": {true, func(a string) {
			r := greet(t, dialTCP(t, a), score.seed)
			r.send(t, `CONNECT {"user":%q,"pass":"x","name":%q}`, evil, evil)
			r.closed(t)
		}, 2},
		"with much to parse": {true, func(a string) { r := greet(t, dialTCP(t, a), ""); r.send(t, "%s", evil); _ = r.Close() }, 4},
	} {
		t.Run(what, func(t *testing.T) {
			s, clue := spec(t, "clue-1")
			s.Plain, s.Importers, s.tuning.strangers = test.plain, []Importer{score.importer()}, 100*many
			server := serve(t, s)
			clue.Server = server
			before := heap()
			for range many {
				test.knock(clue.ListenAddr())
			}
			eventually(t, "no connections", func() bool { return len(clue.spec.sockets.all()) == 0 })
			if grown := heap() - before; grown > 10<<20 { // nats-server keeps a record of 10,000 closed connections
				t.Errorf("%d bytes more", grown)
			}
			if err := server.Stop(timeout(t)); err != nil {
				t.Fatal(err)
			}
			clue.quiet(t, test.lines)
			if test.lines == 2 && !strings.Contains(clue.log.String(), fmt.Sprintf("times=%d", many-1)) {
				t.Errorf("no count in the log: %s", clue.log)
			}
		})
	}
}

// Those who connect and say nothing are put out. Links stay, and a change of peers waits for them
// no longer than that.
func TestSilentStrangers(t *testing.T) {
	clue, score, hunt := start(t, "clue-1", nil), start(t, "score-1", nil), start(t, "hunt-1", nil)
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	box := in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	number := in.linked(t)
	before, dialed := heap(), time.Now()
	var silent []net.Conn
	for range 300 {
		silent = append(silent, dialTCP(t, clue.ListenAddr()))
	}
	if grown := heap() - before; grown > 10<<20 {
		t.Errorf("%d bytes for %d connections", grown, len(silent))
	}
	began := time.Now()
	if err := clue.Link(nil, []Importer{score.importer(), hunt.importer()}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > handshakeTimeout+patience/2 { // of 300 one after the other it would be ten minutes
		t.Errorf("a change of peers took %v", took)
	}
	out.send(t, ToReader("score-1", "clue-1"), "still")
	box.await(t, ToReader("score-1", "clue-1")+" still")
	if after, up := in.Link(); !up || after != number {
		t.Error("the link was cut")
	}
	for _, c := range silent {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a silent one is still there: %v", err)
		}
	}
	if stayed := time.Since(dialed); stayed > handshakeTimeout+patience {
		t.Errorf("the silent ones were there for %v", stayed)
	}
	clue.quiet(t, 0)
}

// More handshakes at a time than there are importers, and some strangers, are not begun.
func TestHandshakesAreBounded(t *testing.T) {
	s := newSockets()
	s.admit(1, strangersEach, linksBurst)
	s.serve()
	hello := func(i int) error {
		return s.enter(&tls.ClientHelloInfo{Conn: fakeConn{address: fmt.Sprintf("10.0.0.%d:1", i)}})
	}
	most := maxReaderLinks + maxStrangers
	for i := range most {
		if err := hello(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := hello(most); !errors.Is(err, errTooMany) {
		t.Errorf("one more: %v", err)
	}
	s.leave("10.0.0.3:1")
	if err := hello(most); err != nil {
		t.Error(err)
	}
}

type fakeConn struct {
	net.Conn
	address string
}

func (c fakeConn) RemoteAddr() net.Addr { return fakeAddr(c.address) }

type fakeAddr string

func (fakeAddr) Network() string  { return "tcp" }
func (a fakeAddr) String() string { return string(a) }

// Links that do not read hold up the end of a server for a second, however many they are.
func TestLinksThatDoNotReadHoldUpNothing(t *testing.T) {
	s, clue := spec(t, "clue-1")
	var peers []*node
	for i := range 5 {
		peers = append(peers, start(t, number(i), nil))
		s.Importers = append(s.Importers, peers[i].importer())
	}
	server := serve(t, s)
	clue.Server = server
	message := make([]byte, 32<<10)
	for _, peer := range peers {
		to := ToReader(peer.name, "clue-1")
		r := dialRogue(t, clue.ListenAddr(), peer.seed)
		r.login(t, peer.name)
		r.send(t, "LS+ %s", to)
		out := clue.toReader(t, peer)
		out.hears(t, to)
		for range 500 { // 16 MB: more than a socket takes
			if err := out.Publish(to, message); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	if err := server.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > drainFor+2*time.Second {
		t.Errorf("Stop took %v", took)
	}
}

// A peer that says that it is a hub would not be cut for what it may not do.
func TestHubIsRefused(t *testing.T) {
	score := start(t, "score-1", nil)
	clue := start(t, "clue-1", func(s *Spec) { s.Importers = []Importer{score.importer()} })
	r := dialRogue(t, clue.ListenAddr(), score.seed)
	r.send(t, `CONNECT {"name":"score-1","server_id":"score-1","is_hub":true,"headers":true,"version":"2.15.2"}`)
	began := time.Now()
	r.closed(t)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it stayed for %v", took)
	}
	eventually(t, "a line", func() bool { return strings.Contains(clue.log.String(), "score-1 says that it is a hub") })
}

// What nats.go has to say goes to the log, and not to standard error.
func TestClientsSayNothingPastTheLog(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer func(former *os.File) { os.Stderr = former; _ = file.Close() }(os.Stderr)
	os.Stderr = file
	n := start(t, "clue-1", nil)
	c := n.connect(t, Local)
	release := make(chan bool)
	sub, err := c.Subscribe("a.b", func(*nats.Msg) { <-release })
	if err != nil {
		t.Fatal(err)
	}
	defer close(release)
	if err := sub.SetPendingLimits(1, -1); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		publish(t, c, "a.b", "x")
	}
	eventually(t, "the slow subscription in the log", func() bool {
		return strings.Contains(n.log.String(), "a subscription of this process, a.b: nats: slow consumer")
	})
	if said, err := os.ReadFile(file.Name()); err != nil || len(said) > 0 {
		t.Errorf("standard error has %q, %v", said, err)
	}
}

// A line about a link names the peer, whichever end dialed.
func TestLinesNameThePeer(t *testing.T) {
	var text logBuffer
	l := newServerLog(slog.New(slog.NewTextHandler(&text, nil)), nil)
	l.follow(Spec{Remotes: []Remote{{Name: "hunt-1", URL: "nats-leaf://127.0.0.1:7402"}}})
	l.Errorf("Error trying to connect as leafnode to remote server %q (attempt %v): %v", "127.0.0.1:7402", 1, errRefused)
	l.Warnf("127.0.0.1:5 - lid:7 - Slow Consumer Detected: WriteDeadline of 10s exceeded - Account:reader-score-1 - user:score-1")
	l.Warnf("127.0.0.1:5 - lid:8 - something - Account:exporter-clue-1")
	l.Warnf("127.0.0.1:6 - lid:9 - somebody whose name is - Account:reader-evil-1 - as it says")
	l.tellOf("clue-2", slog.LevelWarn, "%s says too much", []any{"clue-2"})
	var peers []string
	for line := range strings.Lines(text.String()) {
		_, after, _ := strings.Cut(line, " peer=")
		peer, _, _ := strings.Cut(strings.TrimSpace(after), " ")
		peers = append(peers, peer)
	}
	if want := []string{"hunt-1", "score-1", "clue-1", "", "clue-2"}; !slices.Equal(peers, want) {
		t.Errorf("peers %q, want %q:\n%s", peers, want, text.String())
	}
}
