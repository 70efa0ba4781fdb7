package sick

import (
	"context"
	"errors"
	"time"

	"leafmesh/embedded/measure"
	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// sickness is one way of being sick.
type sickness struct {
	name string
	what string // for people
	node int    // where it is
	// least is how long each time of it lasts at least.
	least time.Duration
	// emit emits what is to be sick until ctx ends, and makes it sick.
	emit func(w *ward, ctx context.Context, sick bool) error
	// counts are what the nodes have counted of it since they opened.
	counts func(w *ward) map[string]uint64
}

// sicknesses are all there are, in the order in which they have their turns.
var sicknesses = []sickness{
	{
		name: "handler", node: a,
		what: "a handler hangs until its timeout, another one is slow",
		emit: func(w *ward, ctx context.Context, sick bool) error {
			defer w.ill[a].fall(sick)()
			return w.emit(ctx, a, jobs, jobRate, healthyKeys[:]...)
		},
		counts: func(w *ward) map[string]uint64 { return w.countsOfHandlers(a, jobs, readings[a]) },
	},
	{
		name: "failing-key", node: a,
		what: "a key's handler always fails, each event is tried 20 times",
		emit: func(w *ward, ctx context.Context, sick bool) error {
			defer w.failing.fall(sick)()
			return w.emit(ctx, a, readings[a], failingRate, failingKey)
		},
		counts: func(w *ward) map[string]uint64 {
			return map[string]uint64{"retried": w.count(a, readings[a], stats.Retried, "handler "+readHandler, "")}
		},
	},
	{
		name: "hot-key", node: a,
		what: "a key comes at ten times what its rule lets pass",
		emit: func(w *ward, ctx context.Context, sick bool) error {
			rate := float64(keyRate) / 5
			if sick {
				rate = 10 * keyRate
			}
			return w.emit(ctx, a, readings[a], rate, hotKey)
		},
		counts: func(w *ward) map[string]uint64 {
			return map[string]uint64{"delayed": w.count(a, readings[a], stats.Delayed, "handler "+readHandler, keyRule)}
		},
	},
	{
		name: "waiting-rule", node: a,
		what: "callers come to a rule at ten times its rate, wait and hang up",
		emit: (*ward).drawTickets,
		counts: func(w *ward) map[string]uint64 {
			return map[string]uint64{
				"hung_up": w.count(a, tickets, stats.Refused, "emit", ticketRule),
				"passed":  w.count(a, tickets, stats.Admitted, "", ""),
			}
		},
	},
	{
		name: "wall-clock", node: a, least: 2200 * time.Millisecond, // a node looks at it once a second
		what: "the wall clock is set by an hour, ahead and behind in turn",
		emit: func(w *ward, ctx context.Context, sick bool) error {
			defer w.clock.fall(sick)()
			<-ctx.Done()
			return nil
		},
		counts: func(w *ward) map[string]uint64 {
			return map[string]uint64{"ahead": w.clock.ahead.Load(), "behind": w.clock.behind.Load()}
		},
	},
	{
		name: "importing-handler", node: b,
		what: "behind a link a handler hangs until its timeout, another one is slow",
		emit: func(w *ward, ctx context.Context, sick bool) error {
			defer w.ill[b].fall(sick)()
			return w.emit(ctx, a, orders, jobRate, healthyKeys[:]...)
		},
		counts: func(w *ward) map[string]uint64 { return w.countsOfHandlers(b, orders, reports) },
	},
}

// How much is emitted of what is to be sick, in events a second.
const (
	jobRate     = 400
	failingRate = 20
)

// hangUpAfter is how long the callers wait for a ticket. Most of them wait in vain.
const hangUpAfter = 100 * time.Millisecond

// drawTickets lets callers come to the rule: half as many as it lets pass, or ten times as many.
func (w *ward) drawTickets(ctx context.Context, sick bool) error {
	rate := float64(ticketRate) / 2
	if sick {
		rate = 10 * ticketRate
	}
	var callers emitters
	err := measure.Pace(ctx, rate, func(due time.Time) error {
		callers.Go(func() error {
			// Without a deadline: the rule cannot know when the caller will hang up.
			ctx, hangUp := context.WithCancel(ctx)
			defer hangUp()
			defer time.AfterFunc(hangUpAfter, hangUp).Stop()
			_ = tickets.Emit(w.nodes[a].Context(ctx), sample{Due: due.Sub(w.begin)}) // counted by the node
			return nil
		})
		return nil
	})
	return errors.Join(err, callers.Wait())
}

// count reads one of the counters of a node.
func (w *ward) count(node int, of *mesh.Event[sample], outcome stats.Outcome, place, rule string) (sum uint64) {
	for _, c := range w.nodes[node].Stats().Counts {
		if c.Type == of.Subject() && c.Outcome == outcome && c.Place == place && c.Rule == rule {
			sum += c.Count
		}
	}
	return sum
}

// countsOfHandlers are those of a node's sick handlers: one hangs for a type, one is slow for
// another.
func (w *ward) countsOfHandlers(node int, hangs, slow *mesh.Event[sample]) map[string]uint64 {
	return map[string]uint64{
		"timed_out": w.count(node, hangs, stats.Failed, "handler "+stuckHandler, ""),
		"shed":      w.count(node, slow, stats.Shed, "handler "+slowHandler, stats.QueueFull),
		"log_lines": w.log.about(nodeNames[node], stuckHandler),
		"slow_seen": w.slowSeen[node].Load(),
	}
}
