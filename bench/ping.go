package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// delay emits one event at a time, the next when the one before was handled,
// and gives the times from before emit to the handler's first statement, in
// ascending order.
func (s side) delay(ctx context.Context, events int) ([]time.Duration, error) {
	p := newPing()
	p.rate = s.rate
	c, err := s.open(ctx, p.handled)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.name, err)
	}
	_, err = p.run(ctx, c, events/10+1)
	var delays []time.Duration
	if err == nil {
		settle()
		delays, err = p.run(ctx, c, events)
	}
	if err := errors.Join(err, c.close(ctx)); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	slices.Sort(delays)
	return delays, nil
}

// ping is one event on its way.
type ping struct {
	epoch time.Time
	start atomic.Int64 // since epoch; a link carries no happens-before
	back  chan time.Duration
	rate  int // events a second; 0: no pace
}

func newPing() *ping { return &ping{epoch: time.Now(), back: make(chan time.Duration, 1)} }

func (p *ping) handled() { p.back <- time.Since(p.epoch) - time.Duration(p.start.Load()) }

func (p *ping) run(ctx context.Context, c carrier, events int) ([]time.Duration, error) {
	delays := make([]time.Duration, 0, events)
	pace := newPace(p.rate)
	for i := range events {
		pace.wait()
		p.start.Store(int64(time.Since(p.epoch)))
		if err := c.emit(ctx, &sample); err != nil {
			return nil, fmt.Errorf("emit: %w", err)
		}
		select {
		case delay := <-p.back:
			delays = append(delays, delay)
		case <-ctx.Done():
			return nil, fmt.Errorf("event %d did not arrive: %w", i, context.Cause(ctx))
		}
	}
	return delays, nil
}
