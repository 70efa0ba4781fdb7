package sick

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"leafmesh/embedded/measure"
)

// Where healthy events are handled, as seen from what is sick.
const (
	SameNode   = "same-node"   // the readings of its node
	OtherNodes = "other-nodes" // the readings of the others
	Links      = "links"       // the reports, which cross the links from a to b and c
)

var places = []string{SameNode, OtherNodes, Links}

// streamsAt are the healthy streams at a place, as seen from a node.
func (w *ward) streamsAt(place string, node int) (streams []*stream) {
	switch place {
	case Links:
		return []*stream{&w.reports[b], &w.reports[c]}
	case SameNode:
		return []*stream{&w.readings[node]}
	default:
		for other := range w.readings {
			if other != node {
				streams = append(streams, &w.readings[other])
			}
		}
		return streams
	}
}

// phase lets the healthy run beside a sickness, or beside what is well yet, and says by place how
// they did. The nodes are at rest before and after.
func (w *ward) phase(ctx context.Context, s *sickness, sick bool, length time.Duration) (map[string]Measured, error) {
	runtime.GC() // what the last one left
	length = max(length, s.least)
	during, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	begun := time.Since(w.begin)
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(during, s.node) })
	var all emitters
	all.Go(func() error { return w.emitHealthy(during) })
	all.Go(func() error { return s.emit(w, during, sick) })
	err := all.Wait()
	watching.Wait()
	if err = errors.Join(err, context.Cause(ctx)); err != nil {
		return nil, err
	}
	if err := w.heal(ctx); err != nil {
		return nil, err
	}
	measured := map[string]Measured{}
	for _, place := range places {
		var seen []handled
		for _, stream := range w.streamsAt(place, s.node) {
			seen = append(seen, stream.take()...)
		}
		measured[place] = measuredOf(seen, begun+length, length)
	}
	return measured, nil
}

// measuredOf says how a phase of such a length went that ended then. Events handled later count for
// the percentile alone.
func measuredOf(seen []handled, end, length time.Duration) Measured {
	inTime, times := 0, make([]time.Duration, len(seen))
	for i, h := range seen {
		times[i] = h.at - h.due
		if h.at <= end {
			inTime++
		}
	}
	return Measured{PerSecond: float64(inTime) / length.Seconds(), P99: measure.HandlingOf(times).P99}
}

// watch looks at the counters of a node, as an operator would, until ctx ends.
func (w *ward) watch(ctx context.Context, node int) {
	ticker := time.NewTicker(alarmAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, call := range w.nodes[node].Stats().Slow {
			if call.Handler == stuckHandler {
				w.slowSeen[node].Add(1)
			}
		}
	}
}

// median is the middle one, or the lower of two.
func median[T ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
