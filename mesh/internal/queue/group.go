package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"leafmesh/mesh/internal/clock"
)

// Group owns the consumers of a node. Its methods are safe for concurrent use, but for those that
// end it: one goroutine calls these, one after the other.
type Group struct {
	// Elsewhere counts items that were taken out of queues, or are to come into them, and that are
	// waited for too; nil: there are none. It is set before the first consumer is added.
	Elsewhere func() int64

	mu      sync.Mutex
	started bool        // guarded by mu: consumers run
	sealed  bool        // guarded by mu: no consumer may be added
	all     []*Consumer // guarded by mu: in their order
}

// Add adds a consumer, and starts it if the others run. It returns false if the group has ended.
func (g *Group) Add(c *Consumer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sealed {
		return false
	}
	g.all = append(g.all, c)
	if g.started {
		c.start()
	}
	return true
}

// Start starts the consumers, and those that are added from then on.
func (g *Group) Start() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started = true
	for _, c := range g.all {
		c.start()
	}
}

// Sealed reports whether the group has ended.
func (g *Group) Sealed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sealed
}

// Depth counts the items reserved, waiting or being processed in all queues.
func (g *Group) Depth() (sum int64) {
	for _, c := range g.consumers() {
		sum += c.Depth()
	}
	return sum
}

func (g *Group) consumers() []*Consumer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.all)
}

// AwaitIdle waits until no item waits or is processed, here or elsewhere. A handler puts what it
// emits into queues before its own event leaves its queue, so the queues are idle if two looks find
// all empty and nothing put in between.
func (g *Group) AwaitIdle(ctx context.Context) error {
	var before uint64
	for first := true; ; first = false {
		depth, accepted := g.load()
		if depth == 0 && !first && accepted == before {
			return nil
		}
		before = accepted
		if depth == 0 {
			continue
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (g *Group) load() (depth int64, accepted uint64) {
	for _, c := range g.consumers() {
		depth += c.Depth()
		accepted += c.accepted()
	}
	if g.Elsewhere != nil {
		depth += g.Elsewhere()
	}
	return depth, accepted
}

// Close closes every queue once it is idle, and ends the group: nothing can be added from then on.
func (g *Group) Close(ctx context.Context) error {
	for closed := 0; ; {
		all := g.consumers()
		for _, c := range all[closed:] {
			for !c.tryClose() {
				if err := pause(ctx); err != nil {
					return err
				}
			}
		}
		if closed = len(all); g.seal(closed) {
			return nil
		}
	}
}

// seal reports whether the group has no more than the given consumers, and keeps it so.
func (g *Group) seal(count int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sealed = len(g.all) == count
	return g.sealed
}

// Abandon ends the group and lets all workers end but those of stuck handlers, which end when the
// handler returns.
func (g *Group) Abandon() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sealed = true
	for _, c := range g.all {
		c.abandon()
	}
}

// await waits until the workers of closed queues have ended. It returns the labels of those that
// have not when ctx ends.
func (g *Group) await(ctx context.Context) (stuck []string) {
	g.mu.Lock()
	started := g.started
	g.mu.Unlock()
	if !started { // there are none
		return nil
	}
	for _, c := range g.consumers() {
		select {
		case <-c.done:
		case <-ctx.Done():
			return g.busy()
		}
	}
	return nil
}

// busy lists the labels of the consumers whose queues are not empty.
func (g *Group) busy() (labels []string) {
	for _, c := range g.consumers() {
		if c.Depth() > 0 {
			labels = append(labels, c.label)
		}
	}
	return labels
}

// Finish waits until all queues are empty, and ends the group and its workers. When ctx ends first
// it calls giveUp, which should make Process return soon, and waits for grace; what is left is then
// abandoned. cutShort says how much was not done then, and left what still is not.
func (g *Group) Finish(ctx context.Context, grace time.Duration, giveUp func()) (cutShort, left error) {
	if g.AwaitIdle(ctx) == nil && g.Close(ctx) == nil {
		return nil, g.awaitWorkers(ctx, grace)
	}
	depth, _ := g.load()
	cutShort = fmt.Errorf("%d events were still queued or being handled: %w", depth, clock.EndOf(ctx))
	giveUp()
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if g.Close(after) != nil {
		defer g.Abandon()
		return cutShort, stuck(g.busy())
	}
	return cutShort, g.awaitWorkers(after, grace)
}

// awaitWorkers waits for the workers of closed queues, which have nothing to do any more: not for
// long, and also when ctx has ended.
func (g *Group) awaitWorkers(ctx context.Context, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return stuck(g.await(ctx))
}

// stuck is the error of workers that do not end; nil for none.
func stuck(labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	return fmt.Errorf("still running after their context ended: %s", strings.Join(labels, ", "))
}

// pause waits a moment between looks at the queues.
func pause(ctx context.Context) error {
	clock.Sleep(ctx, time.Millisecond)
	if ctx.Err() != nil {
		return clock.EndOf(ctx)
	}
	return nil
}
