package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// flow counts what arrives, and bounds what is in flight.
type flow struct {
	credit  chan struct{} // nil: the side bounds itself
	batch   int           // events for one credit
	rate    int           // events a second; 0: no pace
	arrived int           // by the handler's goroutine only
	target  chan int      // how many the handler is to wait for
	want    int           // by the handler's goroutine only
	done    chan struct{}
}

func newFlow(window int) *flow {
	f := &flow{target: make(chan int, 1), done: make(chan struct{}, 1)}
	if window > 0 {
		f.credit = make(chan struct{}, creditsPerWindow)
		f.batch = window / creditsPerWindow
		for range creditsPerWindow {
			f.credit <- struct{}{}
		}
	}
	return f
}

// round gives a number of events that makes whole credits, so that each run
// ends with as many as it began with.
func (f *flow) round(events int) int {
	if f.credit == nil {
		return events
	}
	return (events + f.batch - 1) / f.batch * f.batch
}

// handled is the handler of every side.
func (f *flow) handled() {
	if f.arrived == 0 {
		f.want = <-f.target
	}
	f.arrived++
	if f.credit != nil && f.arrived%f.batch == 0 {
		f.credit <- struct{}{}
	}
	if f.arrived == f.want {
		f.arrived = 0
		f.done <- struct{}{}
	}
}

// run emits events and waits until all have arrived.
func (f *flow) run(ctx context.Context, c carrier, events int) error {
	if w, ok := c.(whole); ok {
		return w.carry(ctx, events)
	}
	events = f.round(events)
	f.target <- events
	if m, ok := c.(many); ok {
		if err := m.emitMany(ctx, &sample, events); err != nil {
			return fmt.Errorf("emit %d events: %w", events, err)
		}
		return f.await(ctx, events)
	}
	pace := newPace(f.rate)
	for i := range events {
		pace.wait()
		if f.credit != nil && i%f.batch == 0 {
			select {
			case <-f.credit:
			case <-ctx.Done():
				return fmt.Errorf("emit %d of %d: handlers stopped: %w", i, events, context.Cause(ctx))
			}
		}
		if err := c.emit(ctx, &sample); err != nil {
			return fmt.Errorf("emit %d of %d: %w", i, events, err)
		}
	}
	return f.await(ctx, events)
}

func (f *flow) await(ctx context.Context, events int) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("not all of %d events arrived: %w", events, context.Cause(ctx))
	}
}

// measure warms up, and then takes the time.
func (f *flow) measure(ctx context.Context, c carrier, events int) (figures, error) {
	if err := f.run(ctx, c, events/10+1); err != nil {
		return figures{}, err
	}
	events = f.round(events)
	var before, after runtime.MemStats
	settle()
	runtime.ReadMemStats(&before)
	cpu, start := cpuTime(), time.Now()
	err := f.run(ctx, c, events)
	elapsed, used := time.Since(start), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	n := float64(events)
	measured := figures{
		Nanos: float64(elapsed.Nanoseconds()) / n, CPU: float64(used.Nanoseconds()) / n,
		Allocs: float64(after.Mallocs-before.Mallocs) / n,
	}
	if b, ok := c.(background); ok {
		measured.Beside = b.beside()
	}
	if o, ok := c.(observer); ok && err == nil {
		o.observe(&measured)
	}
	return measured, err
}
