package mesh

import (
	"context"
	"math"
	"slices"
	"sync"

	"leafmesh/mesh/internal/gate"
)

// calls bounds how many calls of a handler run at once, for a rule with a
// concurrency: the waiting around the pure count.
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

// begin takes a place if there is one. Nobody waits then: whoever does gets a
// place as soon as it is free.
func (c *calls) begin(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count.Begin(key)
}

// wait takes a place, and waits for one until ctx ends.
func (c *calls) wait(ctx context.Context, key string) error {
	turn := c.join(key)
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.waiting[key], turn); i >= 0 {
		c.setWaitingLocked(key, slices.Delete(c.waiting[key], i, i+1))
	} else { // it got a place meanwhile
		c.endLocked(key)
	}
	return endOf(ctx)
}

// join gives a channel that is closed when its caller has a place.
func (c *calls) join(key string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	turn := make(chan struct{})
	c.waiting[key] = append(c.waiting[key], turn)
	c.admitLocked(key)
	return turn
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
	turns := c.waiting[key]
	for len(turns) > 0 && c.count.Begin(key) {
		close(turns[0])
		turns = turns[1:]
	}
	c.setWaitingLocked(key, turns)
}

func (c *calls) setWaitingLocked(key string, turns []chan struct{}) {
	if len(turns) == 0 {
		delete(c.waiting, key)
	} else {
		c.waiting[key] = turns
	}
}

// admitCall is [limit.admit] for a rule with a concurrency. An event that the rule
// has kept, or one after it, waits for a place, whatever the policy is: it is older
// than what is kept here now.
func (l *limit) admitCall(ctx context.Context, e *limited) (verdict, error) {
	key, late := l.keyOf(e), e.keptBy != nil && l.order(e.keptBy) <= 0
	if (late || !l.coalescer.holds(e.unit())) && l.calls.begin(key) {
		return passed, nil
	}
	if !late && l.rule.Limit.Policy != Wait {
		return l.stop(e)
	}
	l.delayed.Add(1)
	if err := l.calls.wait(ctx, key); err != nil {
		return passed, l.refuse(err)
	}
	return passed, nil
}

// endCalls frees the places that an event took of the rules.
func endCalls(limits []*limit, e *limited) {
	for _, l := range limits {
		if l.concerns(e) {
			l.calls.end(l.keyOf(e))
		}
	}
}
