package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// side is one of the two things that a row compares: a way to carry judged
// answers from an emitter to a handler.
type side struct {
	name string
	// window bounds how many events are in flight; 0 means that the side bounds
	// them itself, by a queue of queueSize.
	window int
	// rate is how many events a second are emitted; 0: as many as the side takes.
	rate int
	// open starts the side. handle is to be called for each event that arrives,
	// by one goroutine.
	open func(ctx context.Context, handle func()) (carrier, error)
}

// carrier is a side that runs. One goroutine calls emit.
type carrier interface {
	emit(ctx context.Context, value *answerJudged) error
	close(ctx context.Context) error
}

// many is a carrier that takes many events at once, and itself bounds how many are
// in flight.
type many interface {
	emitMany(ctx context.Context, value *answerJudged, events int) error
}

// background is a carrier that tells how many other events it carries a second.
type background interface{ beside() float64 }

const (
	// queueSize is the queue between emitter and handler where a side has one
	// to choose: the default of mesh.Queue.
	queueSize = 1024
	// wideWindow is the bound for sides that would lose events or memory without
	// one. Raw NATS is fastest with thousands in flight, and its subscriptions
	// hold 65,536 in the mesh.
	wideWindow = 16384
	// creditsPerWindow says how often the handler tells the emitter that it has
	// caught up: rarely, so that the bound costs neither side anything.
	creditsPerWindow = 16
)

// throughput emits the sample as fast as the side takes it, from one goroutine,
// and stops the clock when the last one was handled. A tenth as many are sent
// before, to warm up.
func (s side) throughput(ctx context.Context, events int) (figures, error) {
	flow := newFlow(s.window)
	flow.rate = s.rate
	c, err := s.open(ctx, flow.handled)
	if err != nil {
		return figures{}, fmt.Errorf("open %s: %w", s.name, err)
	}
	f, err := flow.measure(ctx, c, events)
	f.Heap = liveHeap()
	if err := errors.Join(err, c.close(ctx)); err != nil {
		return figures{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return f, nil
}

// liveHeap is what the process holds in memory, in bytes, without garbage.
func liveHeap() float64 {
	settle()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return float64(memory.HeapAlloc)
}

// settle leaves no garbage of what ran before.
func settle() {
	runtime.GC()
	runtime.GC() // what the first one only made ready: pools and finalizers
}
