package rules

import (
	"context"
	"math"
	"slices"
	"sync"

	"leafmesh/mesh/internal/clock"
	"leafmesh/mesh/internal/gate"
)

// calls bounds how many calls of a handler run at once, for a rule with a concurrency: the waiting
// around the pure count.
type calls struct {
	mu      sync.Mutex
	count   *gate.Calls                // guarded by mu
	waiting map[string][]chan struct{} // guarded by mu: by key, who came first is first
}

// noBound is the limit for those that wait for a rule which is gone.
const noBound = math.MaxInt

func newCalls(limit int) *calls {
	return &calls{count: gate.NewCalls(limit), waiting: map[string][]chan struct{}{}}
}

// begin takes a place if there is one. Nobody waits then: whoever does gets a place as soon as it
// is free.
func (c *calls) begin(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count.Begin(key)
}

// wait takes a place, and waits for one until ctx ends.
func (c *calls) wait(ctx context.Context, key string) error {
	place := c.join(key)
	select {
	case <-place:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.waiting[key], place); i >= 0 {
		c.setWaitingLocked(key, slices.Delete(c.waiting[key], i, i+1))
	} else { // it got a place meanwhile
		c.endLocked(key)
	}
	return clock.EndOf(ctx)
}

// join returns a channel that is closed when its caller has a place.
func (c *calls) join(key string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	place := make(chan struct{})
	c.waiting[key] = append(c.waiting[key], place)
	c.admitLocked(key)
	return place
}

// end frees a place.
func (c *calls) end(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(key)
}

func (c *calls) endLocked(key string) {
	c.count.End(key)
	c.admitLocked(key)
}

// setLimit changes the bound. Those that find a place now go on.
func (c *calls) setLimit(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.SetLimit(limit)
	for key := range c.waiting {
		c.admitLocked(key)
	}
}

// admitLocked gives the places that are free to those that wait.
func (c *calls) admitLocked(key string) {
	places := c.waiting[key]
	for len(places) > 0 && c.count.Begin(key) {
		close(places[0])
		places = places[1:]
	}
	c.setWaitingLocked(key, places)
}

func (c *calls) setWaitingLocked(key string, places []chan struct{}) {
	if len(places) == 0 {
		delete(c.waiting, key)
	} else {
		c.waiting[key] = places
	}
}
