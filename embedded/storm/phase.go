package storm

import (
	"context"
	"errors"
	"sync"
	"time"

	"leafmesh/embedded/measure"
)

// quiet lets the neighbours run alone.
func (r *runner) quiet(ctx context.Context, length time.Duration) (measure.Handling, uint64, error) {
	phase, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	return r.observe(ctx, phase)
}

// storm lets the neighbours run beside the storm, until its time is up or the cap is reached.
func (r *runner) storm(ctx context.Context) (h measure.Handling, heap uint64, err error) {
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
	return measure.Pace(ctx, r.Rate, func(time.Time) error {
		if err := services[0].started.Emit(inside, spark{Root: r.result.Roots}); err != nil {
			return err
		}
		r.result.Roots++
		return nil
	})
}

// observe runs the neighbours and watches the heap until phase ends. The error says if ctx ended
// too.
func (r *runner) observe(ctx, phase context.Context) (h measure.Handling, heap uint64, err error) {
	var watching sync.WaitGroup
	watching.Go(func() { heap = peakHeap(phase) })
	h, err = r.neighbours.run(phase, r.nodes)
	watching.Wait()
	return h, heap, errors.Join(err, context.Cause(ctx))
}

// settle waits until nothing is queued or on a link any more, and says whether that came to be
// within the time.
func (r *runner) settle(ctx context.Context, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.nodes.Settle(ctx) == nil
}
