package cluster

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"leafmesh/mesh/stats"
)

// UnsettledError tells what was still on its way when the time was up.
type UnsettledError struct {
	Waiting map[string]int64 // node → events queued, being handled or in its service's outbox
	Missing []Flow           // sent and not arrived
	Losses  []string         // what was lost with a name, see [Cluster.Losses]
	Cause   error
}

// Error lists all of it.
func (e *UnsettledError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "events are still on their way: %v", e.Cause)
	for node, n := range e.Waiting {
		fmt.Fprintf(&b, "\n  %s: %d queued, being handled or in its service's outbox", node, n)
	}
	for _, f := range e.Missing {
		fmt.Fprintf(&b, "\n  %s → %s: %d of %d × %s did not arrive", f.From, f.To, f.Exported-f.Arrived, f.Exported, f.Type)
	}
	for _, loss := range e.Losses {
		b.WriteString("\n  " + loss)
	}
	return b.String()
}

// Unwrap gives the context's error.
func (e *UnsettledError) Unwrap() error { return e.Cause }

const (
	// lookEvery is the time between two looks at the counters and the outboxes. A look takes some 100 µs.
	lookEvery = 2 * time.Millisecond
	// stallTimeout is how long nothing may move: a thousand times what an event takes from one node to the next.
	stallTimeout = 20 * time.Second
)

// errStalled is the cause when events are on their way and do not move.
var errStalled = fmt.Errorf("nothing has moved for %v", stallTimeout)

// Settle waits until no event is queued, being handled, in an outbox or on a link, and nothing moved between two such looks. New events must have
// ended: call it after the last one. Events lost on a broken link never arrive; then it returns an *UnsettledError, when nothing
// has moved for 20 s or ctx ends.
func (c *Cluster) Settle(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var before look
	for since, first := time.Now(), true; ; first = false {
		now, err := c.look(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		switch {
		case first || now.moved != before.moved:
			since = time.Now()
		case before.still() && now.still():
			return nil
		case time.Since(since) > stallTimeout:
			return now.unsettled(errStalled, c.Losses())
		}
		before = now
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return now.unsettled(context.Cause(ctx), c.Losses())
		}
	}
}

// look is what the counters say at a moment.
type look struct {
	waiting map[string]int64
	flows   []Flow
	moved   uint64 // the sum of all counters, which only grow
}

// look looks at the outboxes first: what has left one is in its node's counters.
func (c *Cluster) look(ctx context.Context) (look, error) {
	l := look{waiting: make(map[string]int64)}
	for i, service := range c.services() {
		left, err := service.Unrelayed(ctx)
		if err != nil {
			return l, fmt.Errorf("look into the outbox of %s: %w", c.Nodes[i].Name(), err)
		}
		l.waiting[c.Nodes[i].Name()] = int64(left)
	}
	by := make(map[string]stats.Stats)
	for _, n := range c.Nodes {
		s := n.Stats()
		by[n.Name()] = s
		for _, one := range s.Counts {
			l.moved += one.Count
		}
		l.waiting[n.Name()] += s.Waiting
	}
	maps.DeleteFunc(l.waiting, func(_ string, n int64) bool { return n == 0 })
	l.flows = c.flows(by)
	return l, nil
}

func (l look) still() bool { return len(l.waiting) == 0 && len(l.missing()) == 0 }

func (l look) missing() (missing []Flow) {
	for _, f := range l.flows {
		if f.Exported > f.Arrived { // more arrive of what an earlier run has stored
			missing = append(missing, f)
		}
	}
	return missing
}

func (l look) unsettled(cause error, losses []string) error {
	return &UnsettledError{Waiting: l.waiting, Missing: l.missing(), Losses: losses, Cause: cause}
}
