package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/inlet"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/stats"
)

// lookIfReady is how often Ready looks.
const lookIfReady = 20 * time.Millisecond

// Ready waits until nothing keeps the node from what it is there for: see [Node.Health]. Each
// exporter has then said that it serves each import of this node. From then on events that the
// exporter emits reach this node while the link lives.
//
// It returns an error at once for what waiting does not mend, such as a peer that does not export
// what this node imports, or one that speaks another version of the wire. When ctx ends first, the
// error has a line for each problem, with what is known of why; errors.Is finds ctx's error and its
// cause.
func (n *Node) Ready(ctx context.Context) error {
	tick := time.NewTicker(lookIfReady)
	defer tick.Stop()
	for {
		problems := n.problems()
		if len(problems) == 0 {
			return nil
		}
		final := slices.DeleteFunc(slices.Clone(problems), func(p problem) bool { return !p.Final })
		if len(final) > 0 {
			return n.notReady(final, nil)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return n.notReady(problems, clock.EndOf(ctx))
		}
	}
}

// notReady makes an error of problems. why is why nobody waits any longer for their end, or nil.
func (n *Node) notReady(problems []problem, why error) error {
	var errs []error
	for _, p := range problems {
		if why == nil {
			errs = append(errs, p.err)
			continue
		}
		errs = append(errs, fmt.Errorf("%w: %w", p.err, why))
	}
	return fmt.Errorf("mesh: node %s is not ready: %w", n.name, errors.Join(errs...))
}

// problem is a problem as an error.
type problem struct {
	stats.Problem
	err error
}

// problems are what keeps the node from being ready now, in a fixed order.
func (n *Node) problems() []problem {
	if n.life.closing.Load() {
		return []problem{problemOf(stats.Problem{About: stats.AboutClosing, Final: true}, ErrClosed)}
	}
	problems := slices.Concat(n.missing(), n.hubProblems(), n.outboxProblems(), n.clockProblems())
	slices.SortFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.About, b.About), cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Text, b.Text))
	})
	return problems
}

func problemOf(p stats.Problem, err error) problem {
	p.Text = err.Error()
	return problem{p, err}
}

// missing is what keeps the imports from being connected.
func (n *Node) missing() (problems []problem) {
	for _, m := range n.inlets.Missing() {
		p := stats.Problem{About: stats.AboutImport, Peer: m.Exporter, Type: m.Type, Final: m.Final}
		switch {
		case m.Type == "":
			p.About = stats.AboutLink
			p.Cause = n.causeOf(m.Exporter)
		case errors.Is(m.Err, inlet.ErrOtherWire):
			p.About = stats.AboutWire
		}
		problems = append(problems, problemOf(p, m.Err))
	}
	return problems
}

// causeOf is why the link to an exporter is down.
func (n *Node) causeOf(exporter string) stats.Cause {
	line := n.lines.exporter(exporter)
	if line == nil { // it is reached by the hub
		line = n.hub
		if _, up := line.Link(); up {
			return stats.Unknown
		}
	}
	cause, _ := line.Down()
	return cause
}

// hubProblems says that the node has no link to its hub: whoever is to be reached there is not.
func (n *Node) hubProblems() []problem {
	if n.hub == nil {
		return nil
	}
	if _, up := n.hub.Link(); up {
		return nil
	}
	cause, why := n.hub.Down()
	return []problem{problemOf(stats.Problem{About: stats.AboutLink, Peer: leaf.HubName, Cause: cause}, fmt.Errorf("link to the hub: not connected (last: %s)", cmp.Or(why, string(cause))))}
}

// outboxProblems is what is wrong with what the node keeps for others.
func (n *Node) outboxProblems() (problems []problem) {
	if n.kept == nil {
		return nil
	}
	if err := n.kept.Writable(); err != nil {
		problems = append(problems, problemOf(stats.Problem{About: stats.AboutOutbox}, err))
	}
	limit := n.alarms().Backlog
	kept, ok := n.kept.Stats()
	if ok && !kept.OldestAt.IsZero() && clock.Since(n.clock.Wall(), kept.OldestAt) > limit {
		problems = append(problems, problemOf(stats.Problem{About: stats.AboutBacklog},
			fmt.Errorf("events have waited in the outbox for more than %v (alarms.backlog): see which service does not take them", limit)))
	}
	return problems
}

// clockProblems names the exporters whose clock is far from this node's.
func (n *Node) clockProblems() (problems []problem) {
	limit := n.alarms().Clock
	for _, peer := range n.peers.list() {
		s, _ := n.inlets.Peer(peer.Name)
		if apart := s.Ahead.Abs() - s.AheadWithin; apart > limit {
			problems = append(problems, problemOf(stats.Problem{About: stats.AboutClock, Peer: peer.Name},
				fmt.Errorf("the clocks of this node and %s are more than %v apart (alarms.clock): set them by one source", peer.Name, limit)))
		}
	}
	return problems
}
