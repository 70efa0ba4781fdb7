package storm

import (
	"context"
	"errors"
	"sync"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/stats"
)

// quiet lets the neighbours run alone.
func (r *runner) quiet(ctx context.Context, length time.Duration) (Handling, uint64, error) {
	phase, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	return r.observe(ctx, phase)
}

// storm lets the neighbours run beside the storm, until its time is up or the cap is reached.
func (r *runner) storm(ctx context.Context) (h Handling, heap uint64, err error) {
	phase, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() {
		select {
		case <-r.capped:
			cancel()
		case <-phase.Done():
		}
	})
	var rootErr error
	running.Go(func() { rootErr = r.emitRoots(phase) })
	h, heap, err = r.observe(ctx, phase)
	running.Wait()
	return h, heap, errors.Join(err, rootErr)
}

// emitRoots emits root events on node a until ctx ends.
func (r *runner) emitRoots(ctx context.Context) error {
	inside := r.nodes[0].Context(ctx)
	return pace(ctx, r.Rate, func() error {
		if err := services[0].started.Emit(inside, spark{Root: r.result.Roots}); err != nil {
			return err
		}
		r.result.Roots++
		return nil
	})
}

// observe runs the neighbours and watches the heap until phase ends. The error says if ctx ended too.
func (r *runner) observe(ctx, phase context.Context) (h Handling, heap uint64, err error) {
	var watching sync.WaitGroup
	watching.Go(func() { heap = peakHeap(phase) })
	h, err = r.neighbours.run(phase, r.nodes)
	watching.Wait()
	return h, heap, errors.Join(err, context.Cause(ctx))
}

// lookEvery is the time between two looks at the counters. A look takes some 50 µs.
const lookEvery = 5 * time.Millisecond

// settle waits until nothing is queued or on a link any more, and says whether that came to be within the time.
func (r *runner) settle(ctx context.Context, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for before := uint64(0); ; {
		still, moved := look(r.nodes)
		if still && moved == before {
			return true
		}
		before = moved
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
}

// look says whether nothing is on its way, and how much has moved so far: the counters are read one after the other, so that
// only two looks that agree say that it is so.
func look(nodes mesh.Nodes) (still bool, moved uint64) {
	var waiting int64
	var exported, imported uint64
	for _, n := range nodes {
		s := n.Stats()
		waiting += s.Waiting
		exported += s.Total(stats.Exported)
		imported += s.Total(stats.Imported)
		moved += s.Total(stats.Delivered) + s.Total(stats.Handled) + s.Total(stats.Refused)
	}
	return waiting == 0 && exported == imported, moved
}
