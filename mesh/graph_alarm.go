package mesh

import (
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/graph"
)

// GraphAlarm says that an edge or a cycle of a node's graph is over the
// threshold that [Config].Alarms sets.
type GraphAlarm struct {
	// Kind is "factor" for an edge and "gain" for a cycle.
	Kind string `cbor:"1,keyasint"`
	// Types are an edge's two, or those of a cycle in the order of the events.
	Types []string `cbor:"2,keyasint"`
	// Handler is the edge's; empty for a cycle.
	Handler string `cbor:"3,keyasint"`
	// Value is the factor or the gain, Threshold what is allowed.
	Value     float64 `cbor:"4,keyasint"`
	Threshold float64 `cbor:"5,keyasint"`
	// Repeats is how often it was found over since the last alarm and not told.
	Repeats int `cbor:"6,keyasint"`
}

// GraphAlarms tell of handlers that emit too much for what they handle, on the
// node where they do. The node looks at its graph each second. It judges a
// factor by the latest events, at least 10 for each worker of the handler, and
// gives an alarm of one edge or cycle at most once a minute.
//
// An alarm is an early word and no protection: it may come before a cascade
// reaches its bounds, but a storm can reach them within the second. It is a
// root event that no limit applies to and no queue holds up. A handler of it
// has a queue and workers of its own, and so works while others are at their
// limits; one whose queue is full misses it, and that is counted as shed.
var GraphAlarms = NewEvent[GraphAlarm]("mesh.graph.alarmed")

// graphInterval is how often the graph is looked at.
const graphInterval = time.Second

// startWatching begins to look at the graph. It ends with the node's intake.
func (n *Node) startWatching() {
	n.watching.Go(func() {
		watch := graph.NewWatch(n.config.Alarms.WithDefaults().Factor, n.config.Alarms.WithDefaults().Gain)
		tick := time.NewTicker(graphInterval)
		defer tick.Stop()
		for {
			select {
			case <-n.intake.Done():
				return
			case now := <-tick.C:
				for _, a := range watch.Check(n.learned.samples(), now) {
					n.alarm(a)
				}
			}
		}
	})
}

func (n *Node) alarm(a graph.Alarm) {
	alarm := GraphAlarm{Kind: "factor", Types: a.Types, Handler: strings.TrimPrefix(a.By, "handler "),
		Value: a.Value, Threshold: n.config.Alarms.WithDefaults().Factor, Repeats: a.Repeats}
	if a.Cycle() {
		alarm.Kind, alarm.Threshold = "gain", n.config.Alarms.WithDefaults().Gain
	}
	n.logRarely("event graph alarm", "kind", alarm.Kind, "types", strings.Join(alarm.Types, " → "),
		"handler", alarm.Handler, "value", alarm.Value, "threshold", alarm.Threshold)
	emitOperation(n, GraphAlarms, alarm)
}

// emitOperation emits an event of the operations lane: a root event that asks no
// limit and waits for no queue. Unlike other events it does not go to all or
// none: a full queue costs its own handler the event, and no other one.
func emitOperation[T any](n *Node, e *Event[T], value T) {
	r, err := routeOf(n, e)
	if err != nil {
		n.logRarely("operations event not emitted", "type", e.subject, "error", err)
		return
	}
	now, key := n.clock.now(), e.keyOf(value)
	h := cause.NewRoot(r.root, key, now)
	hash := r.hash(key)
	var shed uint64
	for i, b := range r.targets {
		if b.reserve(hash, true) != nil {
			shed |= 1 << i
		}
	}
	r.deliver(&h, hash, &value, shed)
}
