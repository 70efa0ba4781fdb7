package mesh

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// lookAtHealth is how often a node looks at its links and at all else that it needs.
const lookAtHealth = 250 * time.Millisecond

// healthWatch is how a node is, and who wants to know. One goroutine looks; see Node.watchHealth.
type healthWatch struct {
	mu       sync.Mutex
	links    health.Links               // guarded by mu
	present  stats.Health               // guarded by mu: as of the last look
	watchers map[chan stats.Health]bool // guarded by mu
	ended    bool                       // guarded by mu: nobody looks any more
}

// Health is whether the node does what it is there for at this moment, and what keeps it from that:
// links over which it imports, exporters that do not serve it, an outbox that takes no events or
// has kept some for too long, a clock that is far from a peer's. It may be called at any time. A
// node that closes is not ready.
func (n *Node) Health() stats.Health {
	var problems []stats.Problem
	for _, p := range n.problems() {
		problems = append(problems, p.Problem)
	}
	return stats.Health{Ready: len(problems) == 0, Problems: problems}
}

// Watch returns the node's health now, and again each time that it changes, within a second. Who
// does not keep up gets the newest: the node never waits for it. The channel is closed when ctx
// ends, or after the node has said that it closes.
func (n *Node) Watch(ctx context.Context) <-chan stats.Health {
	watcher, w := make(chan stats.Health, 1), &n.health
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		watcher <- w.present
		close(watcher)
		return watcher
	}
	w.publishLocked(n.Health()) // all watchers have the same, or the next change could be none to one of them
	watcher <- w.present
	if w.watchers == nil {
		w.watchers = map[chan stats.Health]bool{}
	}
	w.watchers[watcher] = true
	context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.watchers[watcher] {
			delete(w.watchers, watcher)
			close(watcher)
		}
	})
	return watcher
}

// publish tells those who watch, if the health has changed.
func (w *healthWatch) publish(present stats.Health) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publishLocked(present)
}

func (w *healthWatch) publishLocked(present stats.Health) {
	if w.present.Ready == present.Ready && slices.Equal(w.present.Problems, present.Problems) {
		return
	}
	w.present = present
	for watcher := range w.watchers {
		select {
		case <-watcher: // it has not looked at the last one
		default:
		}
		watcher <- present
	}
}

// end closes what those who watch hear.
func (w *healthWatch) end(last stats.Health) {
	w.publish(last)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	for watcher := range w.watchers {
		close(watcher)
	}
	w.watchers = nil
}

// watchHealth looks until the node begins to close.
func (n *Node) watchHealth() {
	beat := time.NewTimer(clock.ToBeat(lookAtHealth))
	defer beat.Stop()
	for {
		select {
		case now := <-beat.C:
			n.inlets.Look()
			n.lookAtLinks(now)
			n.health.publish(n.Health())
			beat.Reset(clock.ToBeat(lookAtHealth))
		case <-n.life.open.Done():
			n.health.end(n.Health())
			return
		}
	}
}

// lookAtLinks writes a line of the log for each link that came up, went down or came back.
func (n *Node) lookAtLinks(now time.Time) {
	var present []health.Link
	for _, line := range n.lines.readers() {
		present = append(present, n.linkOf(line, false))
	}
	for _, line := range n.lines.exporters() {
		if line.Dials() { // else the peer was taken away
			present = append(present, n.linkOf(line, true))
		}
	}
	if n.hub != nil {
		present = append(present, n.linkOf(n.hub, true))
	}
	n.health.mu.Lock()
	news := n.health.links.Look(now, present)
	n.health.mu.Unlock()
	if n.life.closing.Load() { // links that a node closes itself are no news
		return
	}
	for _, link := range news {
		n.tellOfLink(link)
	}
}

// linkOf is a line's link as it is now.
func (n *Node) linkOf(line *leaf.Line, dialed bool) health.Link {
	link := health.Link{Peer: line.Peer(), Dialed: dialed}
	if dialed {
		_, link.Bidden = n.inlets.Peer(link.Peer)
	} else {
		_, _, link.Bidden = n.readers.Peer(link.Peer)
	}
	number, up := line.Link()
	if up {
		link.Number = number
		line.Settled()
		return link
	}
	link.Cause, link.Why = line.Down()
	return link
}

// tellOfLink writes the line.
func (n *Node) tellOfLink(news health.News) {
	direction := "exports"
	switch {
	case news.Peer == leaf.HubName:
		direction = "hub"
	case news.Dialed:
		direction = "imports"
	}
	attrs := []any{"peer", news.Peer, "direction", direction}
	down := news.Down.Round(time.Millisecond)
	switch news.Event {
	case health.Up:
		n.log.Info("link is up", attrs...)
		return
	case health.Back:
		n.log.Info("link is up again", append(attrs, "down_for", down)...)
		return
	}
	text, level := "link is down", slog.LevelWarn
	switch {
	case news.Bidden:
		text, level = "link is down: the peer has ended in order", slog.LevelInfo
	case news.Event == health.Never:
		text = "link does not come up"
	case news.Event == health.Still:
		text = "link stays down for another reason"
	}
	if news.Cause == stats.TakenBack {
		level = slog.LevelInfo
	}
	n.log.Log(context.Background(), level, text, append(attrs, "cause", string(news.Cause), "why", news.Why, "down_for", down)...)
}

// linkStates are what is known of each link beside its counts.
func (n *Node) linkStates(links []stats.Link) []stats.Link {
	for i := range links {
		link := &links[i]
		dialed := link.Direction != "exports"
		if dialed {
			link.LinkState, _ = n.inlets.Peer(link.Peer) // nothing of a hub
		} else {
			link.Version, link.Wire, _ = n.readers.Peer(link.Peer)
			link.Missed = n.misses(link.Peer)
		}
		since, cause, why := n.linkSince(link.Peer, dialed)
		link.Since = since
		if dialed {
			link.TwoAsOne = n.leaf.Doubled(link.Peer)
		}
		if link.Connected {
			continue
		}
		if why == "" && dialed { // it never was up
			why = n.troubleOf(*link)
		}
		link.Cause, link.Why = cause, why
	}
	return links
}

// troubleOf is what keeps a link that this node dials from being up.
func (n *Node) troubleOf(l stats.Link) string {
	if l.Direction == "hub" {
		return n.leaf.HubTrouble()
	}
	return n.leaf.Trouble(l.Peer)
}

func (n *Node) linkSince(peer string, dialed bool) (since time.Time, cause stats.Cause, why string) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	return n.health.links.Since(peer, dialed)
}
