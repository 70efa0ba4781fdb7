package inproc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/steps"
	"leafmesh/mesh/stats"
)

const (
	// lookAgain is the time between two looks. Counters can wake nobody, and a look costs some 20
	// µs a node, and some 100 µs for each database with staged events.
	lookAgain = time.Millisecond
	// stallTimeout is how long nothing may move: far more than a thousand times what an event takes
	// from one node to the next.
	stallTimeout = 20 * time.Second
)

// errStalled is the cause when events are on their way and do not move.
var errStalled = fmt.Errorf("nothing has moved for %v", stallTimeout)

// Settle waits until the nodes are at rest: no event is queued, being handled, kept by a rule,
// staged for a relay (see mesh.Node.AddBacklog) or on its way over a link between them. Then all
// has happened that was caused by what was emitted before.
//
// It looks twice, and no counter may change in between. What it cannot know is the caller's to see
// to: that nobody emits meanwhile, and that no handler waits for somebody who would. A peer outside
// of these nodes can send at any time.
//
// The error is an *UnsettledError, when ctx ends or when nothing has moved for 20 s, or says that a
// backlog cannot be read. What was sent over a link that broke, or to a node that was closed, never
// arrives.
func (nodes Nodes) Settle(ctx context.Context) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	var before *look
	for since := time.Now(); ; {
		now, err := nodes.look(context.WithoutCancel(ctx))
		switch {
		case err != nil:
			return err
		case before == nil || !maps.Equal(before.counts, now.counts):
			since = time.Now()
		case before.still() && now.still():
			return nil
		case time.Since(since) > stallTimeout:
			return nodes.unsettled(now, errStalled)
		}
		before = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nodes.unsettled(now, clock.EndOf(ctx))
		}
	}
}

// UnsettledError says what was still on its way.
type UnsettledError struct {
	// Waiting counts by node the events that are queued, being handled, kept by a rule or staged
	// and not relayed.
	Waiting map[string]int64
	Missing []Missing
	// Failing names what handlers failed and what comes again, and the remedy: see [Nodes.Failing].
	Failing []string
	// Losses names what did not get where it was going: see [Nodes.Losses].
	Losses []string
	Cause  error
}

// Missing is an event type of which fewer events have arrived than were sent.
type Missing struct {
	Type string
	// Due counts an event once for each service, or node, that imports it. Of those, Arrived have
	// come over a link, or were handled if they are durable.
	Due, Arrived uint64
	// Failing counts those of an outbox that did come, and that come again because handlers failed
	// them.
	Failing uint64
}

// Error lists all of it, a line each.
func (e *UnsettledError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the nodes are not at rest: %v", e.Cause)
	for _, node := range slices.Sorted(maps.Keys(e.Waiting)) {
		fmt.Fprintf(&b, "\n\t%s: %d events are queued or being handled, or staged and not relayed", node, e.Waiting[node])
	}
	for _, failing := range e.Failing {
		b.WriteString("\n\t" + failing)
	}
	for _, m := range e.Missing {
		if left := m.Due - m.Arrived; left > m.Failing {
			fmt.Fprintf(&b, "\n\tlinks: %d of %d × %s have not arrived", left-m.Failing, m.Due, m.Type)
		}
	}
	if len(e.Waiting) == 0 && len(e.Missing) == 0 {
		b.WriteString("\n\tcounters still change")
	}
	for _, loss := range e.Losses {
		b.WriteString("\n\t" + loss)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *UnsettledError) Unwrap() error { return e.Cause }

func (nodes Nodes) unsettled(l *look, cause error) error {
	failing, durable := nodes.failing()
	for i := range l.missing {
		l.missing[i].Failing = durable[l.missing[i].Type]
	}
	return &UnsettledError{Waiting: l.waiting, Missing: l.missing, Failing: failing, Losses: nodes.Losses(), Cause: cause}
}

// Losses names every event that was lost, failed, refused or shed, a line for each counter:
// "score-1: 2 clue.clue.solved shed at import by import-limit".
func (nodes Nodes) Losses() (losses []string) {
	for _, n := range nodes {
		for _, c := range n.Stats().Counts {
			if c.Outcome.IsLoss() {
				losses = append(losses, n.Name()+": "+c.String())
			}
		}
	}
	return losses
}

// look is one reading of all counters.
type look struct {
	waiting map[string]int64 // by node, without those where nothing waits
	missing []Missing
	counts  map[counted]uint64 // they only grow
}

type counted struct {
	node string
	what stats.Count // without its Count
}

func (l *look) still() bool { return len(l.waiting) == 0 && len(l.missing) == 0 }

// look reads of each node first the backlogs, then the counters, then the queues: what has left the
// one is in the next. Two looks with the same counters prove that nothing was put into a queue
// between them, and two with empty queues that no handler ran at the end of the first.
func (nodes Nodes) look(ctx context.Context) (*look, error) {
	l := &look{waiting: map[string]int64{}, counts: map[counted]uint64{}}
	var seen []stats.Stats
	for _, n := range nodes {
		backlog, err := n.Backlog(ctx)
		if err != nil {
			return nil, err
		}
		s := n.Stats()
		seen = append(seen, s)
		if waiting := s.Waiting + int64(backlog); waiting != 0 {
			l.waiting[n.Name()] = waiting
		}
		for _, c := range s.Counts {
			count := c.Count
			c.Count = 0
			l.counts[counted{n.Name(), c}] = count
		}
	}
	l.missing = missing(seen)
	return l, nil
}

// missing lists the types of which more was sent than has arrived. More may arrive than was sent:
// what an earlier process has stored.
func missing(seen []stats.Stats) (list []Missing) {
	importers, arrived := importersOf(seen), map[string]uint64{}
	due := map[string]uint64{}
	for _, s := range seen {
		for _, i := range s.Imports {
			arrived[i.Type] += i.Arrived
		}
		for _, c := range s.Counts {
			switch c.Outcome {
			case stats.Exported, stats.Stored:
				due[c.Type] += c.Count * importers[c.Type]
			case stats.Acknowledged:
				arrived[c.Type] += c.Count
			case stats.Lost:
				if c.Place == string(steps.Export) && c.Rule == stats.LinkCut { // it will not arrive
					arrived[c.Type] += c.Count
				}
			}
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(due)) {
		if due[subject] > arrived[subject] {
			list = append(list, Missing{Type: subject, Due: due[subject], Arrived: arrived[subject]})
		}
	}
	return list
}

// importersOf counts by type who gets each event: services, whose instances share, and nodes that
// each get it.
func importersOf(seen []stats.Stats) map[string]uint64 {
	who := map[[2]string]bool{}
	for _, s := range seen {
		for _, i := range s.Imports {
			by := config.ServiceOf(s.Node)
			if i.Each {
				by = s.Node
			}
			who[[2]string{i.Type, by}] = true
		}
		for _, d := range s.DurableImports {
			who[[2]string{d.Type, config.ServiceOf(s.Node)}] = true
		}
	}
	importers := map[string]uint64{}
	for w := range who {
		importers[w[0]]++
	}
	return importers
}
