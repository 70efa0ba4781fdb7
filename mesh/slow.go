package mesh

import (
	"cmp"
	"slices"
	"time"

	"leafmesh/mesh/cause"
	"leafmesh/mesh/config"
	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/stats"
)

// alarms are the thresholds in force, with defaults filled in.
func (f *flow) alarms() config.Alarms { return f.present.Load().Alarms.WithDefaults() }

// thresholds are those of the graph.
func (f *flow) thresholds() (factor, gain float64) {
	a := f.alarms()
	return a.Factor, a.Gain
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
