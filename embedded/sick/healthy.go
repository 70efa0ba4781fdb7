package sick

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"time"

	"leafmesh/embedded/measure"
	"leafmesh/mesh"
)

// How many events a second the healthy emit, on each node that emits them: enough for a 99th
// percentile, and some 10 % of a core in all.
const (
	readingRate = 500
	reportRate  = 250
)

// page is what the healthy handlers hash: some 40 µs of work. One pause of a machine that does
// other things too would be most of what a handler that does nothing takes.
var page [64 << 10]byte

// stream is the healthy events of one type as one node handles them.
type stream struct {
	ward *ward

	mu   sync.Mutex
	seen []handled // guarded by mu
}

// handled is one event: when it was due, and when its handler had run, since the run began.
type handled struct{ due, at time.Duration }

func (s *stream) handle(_ context.Context, v sample) error {
	sha256.Sum256(page[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, handled{v.Due, time.Since(s.ward.begin)})
	return nil
}

// take takes out what was seen so far.
func (s *stream) take() (seen []handled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, s.seen = s.seen, nil
	return seen
}

// emitHealthy emits all that is healthy until ctx ends.
func (w *ward) emitHealthy(ctx context.Context) error {
	var all emitters
	for node, of := range readings {
		all.Go(func() error { return w.emit(ctx, node, of, readingRate, healthyKeys[:]...) })
	}
	all.Go(func() error { return w.emit(ctx, a, reports, reportRate, healthyKeys[:]...) })
	return all.Wait()
}

// emit emits events of a type at a steady rate, each with one of the keys, until ctx ends.
func (w *ward) emit(ctx context.Context, node int, of *mesh.Event[sample], rate float64, keys ...string) error {
	inside := w.nodes[node].Context(ctx)
	return measure.Pace(ctx, rate, func(due time.Time) error {
		return of.Emit(inside, sample{Key: keys[rand.IntN(len(keys))], Due: due.Sub(w.begin)})
	})
}
