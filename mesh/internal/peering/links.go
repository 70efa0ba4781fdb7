package peering

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// Look looks at the links, and writes a line of the log for each one that came up, went down or
// came back. Who talks to an exporter is woken if its link is another one. It is to be called a few
// times in a second, and half as often while calm: all links are up, and were before.
func (p *Peers) Look(now time.Time) (calm bool) {
	p.Inlets.Look()
	var present []health.Link
	for _, line := range p.lines.readers() {
		present = append(present, p.linkOf(line, false))
	}
	for _, line := range p.lines.exporters() {
		if line.Dials() { // else the peer was taken away
			present = append(present, p.linkOf(line, true))
		}
	}
	if p.hub != nil {
		present = append(present, p.linkOf(p.hub, true))
	}
	p.mu.Lock()
	news := p.links.Look(now, present)
	p.mu.Unlock()
	calm = len(news) == 0 && !slices.ContainsFunc(present, func(l health.Link) bool { return l.Number == 0 })
	if p.Closing() { // links that a node closes itself are no news
		return calm
	}
	for _, link := range news {
		tell(p.Log, link)
	}
	return calm
}

// linkOf is a line's link as it is now.
func (p *Peers) linkOf(line *leaf.Line, dialed bool) health.Link {
	link := health.Link{Peer: line.Peer(), Dialed: dialed}
	if dialed {
		_, link.Bidden = p.Inlets.Peer(link.Peer)
	} else {
		_, _, link.Bidden = p.Readers.Peer(link.Peer)
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

// tell writes the line about a link.
func tell(log *journal.Log, news health.News) {
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
		log.Info("link is up", attrs...)
		return
	case health.Back:
		log.Info("link is up again", append(attrs, "down_for", down)...)
		return
	case health.Flapped:
		log.Info("link broke, and is up again", append(attrs, "down_for", down)...)
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
	log.Log(context.Background(), level, text, append(attrs, "cause", string(news.Cause), "why", news.Why, "down_for", down)...)
}

// States adds to links what is known of each one beside its counts.
func (p *Peers) States(links []stats.Link) []stats.Link {
	for i := range links {
		link := &links[i]
		dialed := link.Direction != "exports"
		if dialed {
			link.LinkState, _ = p.Inlets.Peer(link.Peer) // nothing of a hub
			link.TwoAsOne = p.Server.Doubled(link.Peer)
		} else {
			link.Version, link.Wire, _ = p.Readers.Peer(link.Peer)
			link.Missed = p.Readers.Misses(link.Peer)
		}
		since, cause, why := p.since(link.Peer, dialed)
		link.Since = since
		if link.Connected {
			continue
		}
		if why == "" && dialed { // it never was up
			why = troubleOf(p.Server, *link)
		}
		link.Cause, link.Why = cause, why
	}
	return links
}

// troubleOf is what keeps a link that this node dials from being up.
func troubleOf(server *leaf.Server, l stats.Link) string {
	if l.Direction == "hub" {
		return server.HubTrouble()
	}
	return server.Trouble(l.Peer)
}

func (p *Peers) since(peer string, dialed bool) (since time.Time, cause stats.Cause, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.links.Since(peer, dialed)
}
