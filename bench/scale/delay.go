package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// time sends events from the first node to the second, one at a time.
func (p *population) time(ctx context.Context, events int, f *figures) error {
	var delays []time.Duration
	for i := range events + events/10 {
		event := told{At: int64(time.Since(p.epoch))}
		if err := p.timed.Emit(p.nodes[0].Context(ctx), event); err != nil {
			return err
		}
		select {
		case delay := <-p.arrived:
			if i >= events/10 { // those before warm it up
				delays = append(delays, delay)
			}
		case <-ctx.Done():
			return fmt.Errorf("event %d did not arrive: %w", i, context.Cause(ctx))
		}
	}
	slices.Sort(delays)
	f.p50, f.p99 = delays[len(delays)/2], delays[len(delays)*99/100]
	return nil
}

// survive kills a server of the hub, starts it again if there is no other one, and waits until all
// nodes are ready again. 0: no node noticed it.
func (p *population) survive(ctx context.Context, s *servers) (time.Duration, error) {
	begun := time.Now()
	if err := s.kill(s.victim()); err != nil {
		return 0, err
	}
	if len(s.processes) == 1 {
		if err := s.startOne(s.victim()); err != nil {
			return 0, err
		}
	}
	for p.readyNow() { // until the cut is noticed
		if time.Since(begun) > 5*time.Second {
			return 0, nil // no node was linked to it, by chance
		}
		time.Sleep(time.Millisecond)
	}
	err := p.ready(ctx)
	return time.Since(begun), err
}

// readyNow reports whether all nodes are ready.
func (p *population) readyNow() bool {
	for _, n := range p.nodes {
		if !n.Health().Ready {
			return false
		}
	}
	return true
}
