package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/health"
	"leafmesh/mesh/stats"
)

// lookAtHealth is how often a node looks at its links and at all else that it needs. While all is
// well it looks half as often.
const lookAtHealth = 250 * time.Millisecond

// Health is whether the node does what it is there for at this moment, and what keeps it from that:
// links over which it imports, exporters that do not serve it, an outbox that takes no events or
// has kept some for too long, a clock that is far from a peer's, and what the program checks itself
// (see [Node.AddCheck]). It may be called at any time. A node that closes is not ready.
func (n *Node) Health() stats.Health {
	var problems []stats.Problem
	for _, p := range n.problems() {
		problems = append(problems, p.Problem)
	}
	return stats.Health{Ready: len(problems) == 0, Problems: problems}
}

// AddCheck makes what a check says a part of the node's health, as that of a database that has to
// be written: see [Node.Health]. It is asked every five seconds, by a goroutine of the node. Its
// context ends after five more, or when the node closes; the error of Close names one that does not
// heed that within two seconds. name begins the text of its problem.
func (n *Node) AddCheck(name string, check func(context.Context) error) { n.checks.Add(name, check) }

// Watch returns the node's health now, and again each time that it changes, within a second. Who
// does not keep up gets the newest: the node never waits for it. The channel is closed when ctx
// ends, or after the node has said that it closes.
func (n *Node) Watch(ctx context.Context) <-chan stats.Health { return n.health.Add(ctx, n.Health) }

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
		final := slices.DeleteFunc(slices.Clone(problems), func(p health.Problem) bool { return !p.Final })
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
func (n *Node) notReady(problems []health.Problem, why error) error {
	var errs []error
	for _, p := range problems {
		if why == nil {
			errs = append(errs, p.Err)
			continue
		}
		errs = append(errs, fmt.Errorf("%w: %w", p.Err, why))
	}
	return fmt.Errorf("mesh: node %s is not ready: %w", n.name, errors.Join(errs...))
}

// problems are what keeps the node from being ready now, in a fixed order.
func (n *Node) problems() []health.Problem {
	if n.life.closing.Load() {
		return []health.Problem{health.NewProblem(stats.Problem{About: stats.AboutClosing, Final: true}, stats.ErrClosed)}
	}
	problems := slices.Concat(n.peers.Problems(n.alarms().Clock), n.outboxProblems(), n.checks.Problems())
	slices.SortFunc(problems, func(a, b health.Problem) int {
		return cmp.Or(cmp.Compare(a.About, b.About), cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Text, b.Text))
	})
	return problems
}

// outboxProblems is what is wrong with what the node keeps for others.
func (n *Node) outboxProblems() (problems []health.Problem) {
	if n.kept == nil {
		return nil
	}
	if err := n.kept.Writable(); err != nil {
		problems = append(problems, health.NewProblem(stats.Problem{About: stats.AboutOutbox}, err))
	}
	limit := n.alarms().Backlog
	kept, ok := n.kept.Stats()
	if ok && !kept.OldestAt.IsZero() && clock.Since(n.clock.Wall(), kept.OldestAt) > limit {
		problems = append(problems, health.NewProblem(stats.Problem{About: stats.AboutBacklog},
			fmt.Errorf("events have waited in the outbox for more than %v (alarms.backlog): see which service does not take them", limit)))
	}
	return problems
}

// Writable says why the node's outbox takes no events, as of a second ago: a bound is reached, or
// the disk cannot be written. Emit of a durable export then returns ErrOutboxFull or ErrOutboxDisk,
// and errors.Is finds the same here. Nil: it takes some, or the node has no durable export.
func (n *Node) Writable() error {
	if n.kept == nil {
		return nil
	}
	return n.kept.Writable()
}

// watchHealth looks until the node begins to close.
func (n *Node) watchHealth() {
	beat := time.NewTimer(clock.ToBeat(lookAtHealth))
	defer beat.Stop()
	for {
		select {
		case now := <-beat.C:
			each, calm, present := lookAtHealth, n.peers.Look(now), n.Health()
			n.checks.Ask(n.life.open, now)
			n.health.Publish(present)
			if calm && present.Ready {
				each *= 2
			}
			beat.Reset(clock.ToBeat(each))
		case <-n.life.open.Done():
			n.health.End(n.Health())
			return
		}
	}
}
