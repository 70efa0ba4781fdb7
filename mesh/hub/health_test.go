package hub_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// logged is a log that a test reads while it is written.
type logged struct {
	mu  sync.Mutex
	log bytes.Buffer // guarded by mu
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}

// says waits for a line with all parts.
func (l *logged) says(t *testing.T, parts ...string) {
	t.Helper()
	await(t, "the log to say "+strings.Join(parts, " "), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for line := range strings.Lines(l.log.String()) {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				return true
			}
		}
		return false
	})
}

// hubLink is what a node says of its link to the hub.
func hubLink(n *mesh.Node) (link stats.Link) {
	for _, l := range n.Stats().Links {
		if l.Direction == "hub" {
			link = l
		}
	}
	return link
}

// The link to the hub is told of as other links are: it comes up, goes down, and comes back.
func TestTheLinkToTheHubIsToldOf(t *testing.T) {
	s := newSite(t, 1)
	var log logged
	c := clue(t, "score-1")
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c = s.add(c)
	s.open()
	node := run(t, c)
	ready(t, node)
	log.says(t, `msg="link is up"`, "peer=hub", "direction=hub")
	await(t, "its state", func() bool { return !hubLink(node).Since.IsZero() })
	stop(s.servers[0])
	log.says(t, "level=WARN", `msg="link is down"`, "peer=hub", "direction=hub", "cause=dead", "down_for=")
	if link := hubLink(node); link.Connected || link.Cause != stats.Dead || link.Why == "" {
		t.Errorf("link %+v", link)
	}
	if h := node.Health(); h.Ready || h.Problems[0].About != stats.AboutLink || h.Problems[0].Peer != "hub" || h.Problems[0].Cause != stats.Dead {
		t.Errorf("health %+v", h)
	}
	s.start(filepath.Join(s.dir, "hub-0.conf"))
	log.says(t, `msg="link is up again"`, "peer=hub", "down_for=")
	ready(t, node)
}

// A link to the hub that does not come up says why.
func TestWhyTheLinkToTheHubDoesNotComeUp(t *testing.T) {
	s, others := newSite(t, 1), newSite(t, 1)
	c := s.add(clue(t, "score-1"))
	s.open()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); answering.Wait() })
	answering.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(conn, "220 mail.example.org ESMTP\r\n")
			t.Cleanup(func() { _ = conn.Close() })
		}
	})
	_, port, _ := net.SplitHostPort(s.urls[0][len("tls://"):])
	for name, test := range map[string]struct {
		change func(*mesh.Hub)
		want   stats.Cause
	}{
		"nobody listens":           {func(h *mesh.Hub) { h.URLs = []string{"tls://" + meshtest.FreeAddress(t)} }, stats.Dead},
		"the name leads nowhere":   {func(h *mesh.Hub) { h.URLs = []string{"tls://nowhere.invalid:7422"} }, stats.Unreachable},
		"no nats-server":           {func(h *mesh.Hub) { h.URLs = []string{"tls://" + listener.Addr().String()} }, stats.WrongServer},
		"another CA":               {func(h *mesh.Hub) { h.CA = mesh.Path(others.ca) }, stats.Untrusted},
		"a certificate for others": {func(h *mesh.Hub) { h.URLs = []string{"tls://localhost:" + port} }, stats.Untrusted},
		"a key it does not know":   {func(h *mesh.Hub) { h.Seed, _ = keyPair(t) }, stats.KeyRefused},
	} {
		t.Run(name, func(t *testing.T) {
			var log logged
			c := c
			h := *c.Hub
			test.change(&h)
			c.Hub, c.Data, c.Logger = &h, mesh.Path(t.TempDir()), slog.New(slog.NewTextHandler(&log, nil))
			node := run(t, c)
			log.says(t, `msg="link does not come up"`, "peer=hub", "cause="+string(test.want), "why=")
			if h := node.Health(); len(h.Problems) == 0 || h.Problems[0].Cause != test.want {
				t.Errorf("health %+v", h)
			}
		})
	}
}
