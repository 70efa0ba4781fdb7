package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/meshtest"
	"leafmesh/mesh/stats"
)

// watched is an importer whose link goes over a proxy, with its log.
type watched struct {
	clue, score *mesh.Node
	proxy       *meshtest.Proxy
	log         *logged
	health      <-chan stats.Health
}

func watch(t *testing.T, change func(score *mesh.Config)) *watched {
	t.Helper()
	w := &watched{log: &logged{}}
	w.open(t, func(*mesh.Config) {}, change)
	return w
}

// open opens the nodes; the log is that of score.
func (w *watched) open(t *testing.T, changeClue, change func(*mesh.Config)) {
	t.Helper()
	clueSeed, clueKey := keyPair(t)
	scoreSeed, scoreKey := keyPair(t)
	links := mesh.Links{Ping: 200 * time.Millisecond}
	clue := clueNode("clue-1")
	clue.Listen, clue.Seed, clue.Links = "127.0.0.1:0", mesh.NewSecret(clueSeed), links
	clue.Peers = []mesh.Peer{{Name: "score-1", Key: scoreKey, MayImport: mesh.AllExports()}}
	changeClue(&clue)
	w.clue = openNode(t, clue)
	w.proxy = meshtest.OpenProxy(t, w.clue.ListenAddr())
	score := scoreNode("score-1", mesh.Shared, func(context.Context, solved) error { return nil })
	score.Seed, score.Links, score.Logger = mesh.NewSecret(scoreSeed), links, slog.New(slog.NewTextHandler(w.log, nil))
	score.Peers = []mesh.Peer{{Name: "clue-1", URL: "nats-leaf://" + w.proxy.Addr(), Key: clueKey}}
	if change != nil {
		change(&score)
	}
	w.score = openNode(t, score)
	w.health = w.score.Watch(t.Context())
}

// says waits for a line of the log with all parts.
func (w *watched) says(t *testing.T, parts ...string) {
	t.Helper()
	await(t, "the log to say "+strings.Join(parts, " "), func() bool {
		for line := range strings.Lines(w.log.String()) {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(line, part)
			}
			if all {
				return true
			}
		}
		return false
	})
}

// becomes waits until the node is ready, or has a problem of some kind.
func (w *watched) becomes(t *testing.T, about stats.About) stats.Problem {
	t.Helper()
	for {
		h := receive(t, w.health)
		if about == "" && h.Ready {
			return stats.Problem{}
		}
		for _, p := range h.Problems {
			if p.About == about {
				return p
			}
		}
	}
}

// A peer that hangs is noticed by its pings, named in one line, and who watches is told; so is that
// it came back, and how long it was away.
func TestAPeerThatHangsIsNoticed(t *testing.T) {
	w := watch(t, nil)
	w.becomes(t, "")
	w.says(t, `msg="link is up"`, "peer=clue-1", "direction=imports")
	begun := time.Now()
	w.proxy.Stall(meshtest.FromTarget)
	if p := w.becomes(t, stats.AboutLink); p.Peer != "clue-1" {
		t.Errorf("%+v", p)
	}
	if took := time.Since(begun); took > 5*time.Second { // 0.8 s by the pings of this node, 7 s and more by the default
		t.Errorf("noticed after %v", took)
	}
	w.says(t, "level=WARN", `msg="link is down"`, "peer=clue-1", "cause=dead", "it answers no pings")
	if err := w.score.Ready(ended()); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "link to clue-1") {
		t.Errorf("Ready: %v", err)
	}
	links := w.score.Stats().Links
	if len(links) != 1 || links[0].Connected || links[0].Cause != stats.Dead || links[0].Since.IsZero() {
		t.Errorf("links %+v", links)
	}
	w.proxy.Restore()
	w.becomes(t, "")
	w.says(t, `msg="link is up again"`, "peer=clue-1", "down_for=")
	if n := strings.Count(w.log.String(), "link is down"); n != 1 {
		t.Errorf("%d lines that the link is down:\n%s", n, w.log)
	}
	if link := w.score.Stats().Links[0]; link.Version == "" || link.Wire == 0 || link.AheadWithin == 0 || !link.Connected || link.Cause != "" {
		t.Errorf("link %+v", link)
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A peer that ends in order is no reason to warn, and neither is the node's own end.
func TestACleanEndWarnsOfNothing(t *testing.T) {
	w := watch(t, nil)
	w.becomes(t, "")
	finish(t, w.clue)
	w.says(t, "level=INFO", "the peer has ended in order", "peer=clue-1")
	w.becomes(t, stats.AboutLink)
	finish(t, w.score)
	if p := w.becomes(t, stats.AboutClosing); !p.Final {
		t.Errorf("%+v", p)
	}
	if _, open := <-w.health; open {
		t.Error("the channel is open after the end")
	}
	if h := receive(t, w.score.Watch(t.Context())); h.Ready {
		t.Error("ready after the end")
	}
	if strings.Contains(w.log.String(), "level=WARN") || strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("warned:\n%s", w.log)
	}
}

// Who does not read costs the node nothing, and finds the newest state.
func TestAWatcherThatDoesNotRead(t *testing.T) {
	w := watch(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	idle := w.score.Watch(ctx)
	w.becomes(t, "")
	w.proxy.Cut()
	w.becomes(t, stats.AboutLink)
	w.proxy.Restore()
	w.becomes(t, "")
	w.score.Watch(t.Context()) // comes after all were told
	if h := receive(t, idle); !h.Ready {
		t.Errorf("not the newest: %+v", h)
	}
	leave()
	for range idle { // ends
	}
}

// A clock that is far from an exporter's is a problem, by name.
func TestClocksThatAreApart(t *testing.T) {
	w := watch(t, func(c *mesh.Config) { c.WallClock = ahead(-time.Minute) })
	if p := w.becomes(t, stats.AboutClock); p.Peer != "clue-1" || !strings.Contains(p.Text, "more than 10s apart") {
		t.Errorf("%+v", p)
	}
	if off := w.score.Stats().Links[0].Ahead; off < 50*time.Second || off > 70*time.Second {
		t.Errorf("the peer is %v ahead, want a minute", off)
	}
}

// What an outbox has kept for too long is a problem, until it is taken.
func TestABacklogThatIsTooOld(t *testing.T) {
	c := durableClue(t)
	c.Alarms.Backlog = 100 * time.Millisecond
	n, _ := atClue(t, c, "score-1")
	emit(t, n, clueSolved, solved{Team: "k"})
	await(t, "the backlog to be old", func() bool {
		h := n.Health()
		return len(h.Problems) == 1 && h.Problems[0].About == stats.AboutBacklog
	})
}
