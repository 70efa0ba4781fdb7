package neighbours

import (
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/internal/wire"
	"leafmesh/mesh/stats"
	"leafmesh/mesh/why"
)

// Kept tells the neighbours of a cascade that something was kept of: those that have a part in it,
// as the records show.
func (n *Neighbours) Kept(root cause.ID, records []why.Record) {
	rouse := false
	n.mu.Lock()
	for name, p := range n.peers {
		if p.told.known[root] || !slices.ContainsFunc(records, func(r why.Record) bool { return n.tookPart(name, &r) }) {
			continue
		}
		if len(p.owed) == maxOwed { // later records of the cascade may find room
			n.untold.Add(1)
			continue
		}
		p.told.add(root)
		p.owed = append(p.owed, root)
		rouse = true
	}
	n.mu.Unlock()
	if rouse {
		n.rouse()
	}
}

func (n *Neighbours) rouse() {
	select {
	case n.wake <- struct{}{}:
	default: // it is awake
	}
}

// tookPart reports whether a record shows that a peer has a part in the cascade: it emitted an
// event of it, or may have been sent one by this node.
func (n *Neighbours) tookPart(peer string, r *why.Record) bool {
	for _, step := range r.Path {
		if node, _, _ := strings.Cut(step, ":"); node == peer {
			return true
		}
	}
	return r.Node == n.Node && (r.Outcome == stats.Exported || r.Outcome == stats.Stored) && n.Takes(peer, r.Type)
}

func (n *Neighbours) hearKeep(from string, m *wire.Keep) {
	roots := make([]cause.ID, len(m.Roots))
	n.mu.Lock()
	p := n.peers[from]
	for i, root := range m.Roots {
		roots[i] = cause.ID(root)
		if p != nil {
			p.told.add(roots[i]) // it knows
		}
	}
	n.mu.Unlock()
	n.Keep(from, roots)
}

const (
	// gather is how long roots gather before peers are told of them.
	gather = 50 * time.Millisecond
	// tellAgain is how long to wait for a link that is down.
	tellAgain = time.Second
)

// run tells the peers what they are owed, until the end.
func (n *Neighbours) run() {
	again := time.NewTimer(tellAgain)
	defer again.Stop()
	for {
		select {
		case <-n.wake:
		case <-again.C:
		case <-n.ctx.Done():
			n.tellAll()
			return
		}
		if n.tellAll() {
			again.Reset(tellAgain)
		}
		select {
		case <-time.After(gather):
		case <-n.ctx.Done():
		}
	}
}

// tellAll tells all peers that are there, and reports whether others are still owed something.
func (n *Neighbours) tellAll() (owed bool) {
	for _, name := range n.names() {
		for n.tellOne(name) {
		}
		n.mu.Lock()
		p := n.peers[name]
		owed = owed || p != nil && len(p.owed) > 0
		n.mu.Unlock()
	}
	return owed
}

// rootRoom is more than a root takes in a message, and headRoom more than all else of it.
const rootRoom, headRoom = 18, 48

// tellOne says one message to a peer, and reports whether there was something to say.
func (n *Neighbours) tellOne(name string) bool {
	_, room := n.to(name)
	if room < headRoom+rootRoom {
		return false
	}
	n.mu.Lock()
	p := n.peers[name]
	if p == nil { // it is a peer no longer
		n.mu.Unlock()
		return false
	}
	roots := p.owed[:min(len(p.owed), wire.MaxTalkRoots, (room-headRoom)/rootRoom)]
	m := &wire.Keep{Roots: wireIDs(roots)}
	p.owed = p.owed[len(roots):]
	n.mu.Unlock()
	if len(roots) == 0 {
		return false
	}
	if err := n.say(name, m); err != nil {
		n.mu.Lock()
		p.owed = append(slices.Clone(roots), p.owed...)
		n.mu.Unlock()
		n.Log.Warn("a peer is not told yet which cascades are kept", "peer", name, "error", err)
		return false
	}
	return true
}

func wireIDs(ids []cause.ID) (list []wire.ID) {
	for _, id := range ids {
		list = append(list, wire.ID(id))
	}
	return list
}
