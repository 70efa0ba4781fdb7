package leaf

import (
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"leafmesh/mesh/stats"
)

// downBy waits until a line says why it is down.
func (l *Line) downBy(t *testing.T, want stats.Cause) {
	t.Helper()
	var cause stats.Cause
	var why string
	deadline := time.Now().Add(patience)
	for {
		if _, up := l.Link(); !up {
			if cause, why = l.Down(); cause == want && (why != "" || want == stats.Unknown) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("down by %q (%s), want %q", cause, why, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// An importer says why it has no link: what is wrong with who listens, and what is wrong with
// itself.
func TestWhyALinkIsNotMade(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	silent := listen(t, func(net.Conn) {})
	talker := listen(t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail.example.org ESMTP\r\n")) })
	clue, other := start(t, "clue-1", nil), start(t, "clue-1", nil)
	score, stranger := start(t, "score-1", nil), start(t, "score-1", nil)
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		from *node
		url  string
		key  string
		want stats.Cause
	}{
		"nobody listens":               {score, nobody, clue.public, stats.Dead},
		"it says nothing":              {score, silent, clue.public, stats.WrongServer},
		"the name leads nowhere":       {score, "nowhere.invalid:7401", clue.public, stats.Unreachable},
		"another node":                 {score, clue.ListenAddr(), other.public, stats.WrongServer},
		"no node":                      {score, talker, clue.public, stats.WrongServer},
		"the exporter has another key": {stranger, clue.ListenAddr(), clue.public, stats.KeyRefused},
	} {
		t.Run(name, func(t *testing.T) {
			remote := Remote{Name: "clue-1", URL: "nats-leaf://" + test.url, Keys: []string{test.key}}
			if err := test.from.Link([]Remote{remote}, nil); err != nil {
				t.Fatal(err)
			}
			line := test.from.toExporter(t, "clue-1")
			defer line.Close()
			line.downBy(t, test.want)
		})
	}
}

// listen accepts connections for which it does something, and keeps them open.
func listen(t *testing.T, does func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }() // when the test is over
			does(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// Both ends of a link know why it ended.
func TestWhyALinkEnded(t *testing.T) {
	for name, test := range map[string]struct {
		end             func(t *testing.T, clue, score *node, out, in *Line)
		clueBy, scoreBy stats.Cause
	}{
		"the key is taken back": {func(t *testing.T, clue, _ *node, _, _ *Line) {
			if err := clue.Link(nil, nil); err != nil {
				t.Fatal(err)
			}
		}, stats.TakenBack, stats.KeyRefused},
		"the peer is not dialed any more": {func(t *testing.T, _, score *node, _, _ *Line) {
			if err := score.Link(nil, nil); err != nil {
				t.Fatal(err)
			}
		}, stats.Ended, ""},
		"the importer ends": {func(t *testing.T, _, score *node, _, _ *Line) {
			if err := score.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, stats.Ended, ""},
	} {
		t.Run(name, func(t *testing.T) {
			clue, score := start(t, "clue-1", nil), start(t, "score-1", nil)
			link(t, clue, score)
			out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
			out.linked(t)
			in.linked(t)
			test.end(t, clue, score, out, in)
			out.downBy(t, test.clueBy)
			if test.scoreBy != "" {
				in.downBy(t, test.scoreBy)
			}
		})
	}
}

// A message larger than the other end takes closes the link, and both ends say so.
func TestALinkEndedByAPayload(t *testing.T) {
	clue, score := start(t, "clue-1", func(s *Spec) { s.MaxPayload = 8192 }), start(t, "score-1", func(s *Spec) { s.MaxPayload = 1024 })
	link(t, clue, score)
	out, in := clue.toReader(t, score), score.toExporter(t, "clue-1")
	in.hear(t, ToReader("score-1", "clue-1"))
	out.hears(t, ToReader("score-1", "clue-1"))
	out.linked(t)
	in.linked(t)
	if err := out.Publish(ToReader("score-1", "clue-1"), make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both ends to know", func() bool {
		here, _ := causeOf(clue.Server.log.endings.of(out.link.Load()))
		there, _ := causeOf(score.Server.log.endings.of(in.link.Load()))
		return here == stats.TooLarge && there == stats.TooLarge
	})
}

// Where a node was, who answers nothing is a node that hangs.
func TestANodeThatHangs(t *testing.T) {
	l := newServerLog(slog.New(slog.DiscardHandler), nil)
	remote := Remote{Name: "clue-1", URL: "nats-leaf://127.0.0.1:7401"}
	l.follow(Spec{Remotes: []Remote{remote}})
	hang := func() stats.Cause {
		l.Noticef("127.0.0.1:7401 - lid:7 - "+closedNotice, "Leafnode", server.TLSHandshakeError)
		cause, _ := causeOf(l.problem(remote.address()))
		return cause
	}
	if cause := hang(); cause != stats.WrongServer {
		t.Errorf("a stranger that hangs: %v", cause)
	}
	l.handshake(remote, nil)
	l.Noticef("127.0.0.1:7401 - lid:8 - "+closedNotice+" - Remote: clue-1", "Leafnode", server.StaleConnection)
	l.forget(remote.address())
	if cause := hang(); cause != stats.Dead {
		t.Errorf("a node that hangs: %v", cause)
	}
}

// A handshake that the network ends is no reason to warn: the peer may only be stopping.
func TestAHandshakeThatIsCut(t *testing.T) {
	for _, end := range []string{"read tcp 127.0.0.1:2->127.0.0.1:7401: read: connection reset by peer", "write tcp 127.0.0.1:2->127.0.0.1:7401: write: broken pipe", "EOF"} {
		var log logBuffer
		l := newServerLog(slog.New(slog.NewTextHandler(&log, nil)), nil)
		remote := Remote{Name: "clue-1", URL: "nats-leaf://127.0.0.1:7401"}
		l.follow(Spec{Remotes: []Remote{remote}})
		l.Errorf("127.0.0.1:7401 - lid:3 - TLS leafnode handshake error: %v", end)
		l.Noticef("127.0.0.1:7401 - lid:3 - "+closedNotice, "Leafnode", server.TLSHandshakeError)
		if cause, why := causeOf(l.problem(remote.address())); cause != stats.Ended || log.String() != "" {
			t.Errorf("%s: %v (%s), log %q", end, cause, why, log.String())
		}
	}
}

// What ended long ago is forgotten.
func TestEndingsAreBounded(t *testing.T) {
	var e endings
	for i := range 3 * maxEndings {
		e.note(fmt.Sprintf("127.0.0.1:1 - lid:%d - closed", i), "Stale Connection")
	}
	e.note("no number", "Stale Connection")
	if len(e.why) != maxEndings || e.of(3*maxEndings-1) == "" || e.of(1) != "" {
		t.Errorf("%d are remembered", len(e.why))
	}
}
