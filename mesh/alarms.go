package mesh

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/graph"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/stats"
)

// alarms are the thresholds in force, with defaults filled in.
func (f *flow) alarms() config.Alarms { return f.present.Load().Alarms.WithDefaults() }

// thresholds are those of the graph.
func (f *flow) thresholds() (factor, gain float64) {
	a := f.alarms()
	return a.Factor, a.Gain
}

// GraphAlarm says that an edge or a cycle of a node's graph is over the threshold that
// [Config].Alarms sets.
type GraphAlarm = graph.Alarm

// GraphAlarms tell of handlers that emit too much for what they handle, on the node where they do.
// The node looks at its graph each second. It judges a factor by the latest events, at least 10 for
// each worker of the handler, and gives an alarm of one edge or cycle at most once a minute.
//
// An alarm is an early word and no protection: it may come before a cascade reaches its bounds, but
// a storm can reach them within the second. It is a root event that no limit applies to and no
// queue holds up. A handler of it has a queue and workers of its own, and so works while others are
// at their limits; one whose queue is full misses it, and that is counted as shed.
var GraphAlarms = NewEvent[GraphAlarm](alarmSubject)

var graphAlarms = byRuntime(GraphAlarms)

// alarm tells of an edge or a cycle over its threshold. Unlike other events an alarm does not go to
// all or none: a full queue costs its own handler the event, and no other one.
func (f *flow) alarm(a graph.Alarm) {
	f.log.Warn("event graph alarm", "rule", a.Kind, "type", a.Types[0], "path", strings.Join(a.Types, " → "),
		"handler", a.Handler, "value", a.Value, "threshold", a.Threshold)
	r, err := routeOf(f, graphAlarms)
	if err != nil {
		f.log.Warn("operations event not emitted", "type", alarmSubject, "error", err)
		return
	}
	it := delivery.Item{Header: cause.NewRoot(r.root, "", f.clock.Wall())}
	hash := r.targets.Hash("")
	r.deliver(&it, hash, &a, nil, r.targets.ReserveWhereFree(hash))
}

// watchHandlers logs calls of handlers that take too long, one line a call, until done is closed.
// Nothing else tells of a handler that hangs before its queue is full.
func (f *flow) watchHandlers(done <-chan struct{}) {
	told := map[*desk]uint64{} // the turn that was told of last
	beat := time.NewTimer(0)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
		case <-done:
			return
		}
		now, limit := f.clock.Now(), f.alarms().Handling
		beat.Reset(clock.ToBeat(lookForSlow(limit))) // the limit changes while the node runs
		for _, d := range f.desks {
			if r, path, number := d.slow(now, limit); number > told[d] {
				told[d] = number
				f.log.Warn("handler has not returned", "handler", r.Handler, "type", r.Type, "event", r.Event,
					"root", r.Root, "path", path, "key", r.Key, "for", r.For.Round(time.Millisecond))
			}
		}
	}
}

// lookForSlow is how often somebody looks for calls that take longer than a limit.
func lookForSlow(limit time.Duration) time.Duration { return min(limit, time.Second) }

// slow lists the calls of handlers that take too long, the longest first.
func (f *flow) slow() (calls []stats.Running) {
	now, limit := f.clock.Now(), f.alarms().Handling
	for _, d := range f.desks {
		if r, _, number := d.slow(now, limit); number > 0 {
			calls = append(calls, r)
		}
	}
	slices.SortFunc(calls, func(a, b stats.Running) int { return cmp.Compare(b.For, a.For) })
	return calls
}

// slow tells of the present turn, with its path and number, if it takes longer than the limit; else
// the number is 0.
func (d *desk) slow(now int64, limit time.Duration) (r stats.Running, path *cause.Path, number uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	took := time.Duration(now - d.begun)
	if !d.open || took < limit {
		return r, nil, 0
	}
	h := &d.header
	r = stats.Running{Handler: d.source.Place.Handler, Type: h.Subject(), Event: h.ID, Root: h.Root, Key: h.Key, For: took}
	return r, h.Lineage(), d.number
}

// running lists the calls of handlers for some cascades.
func (f *flow) running(roots map[cause.ID]bool) (calls []stats.Running) {
	now := f.clock.Now()
	for _, d := range f.desks {
		if r, _, number := d.slow(now, time.Duration(0)); number > 0 && roots[r.Root] {
			calls = append(calls, r)
		}
	}
	return calls
}
