package rules

import (
	"sync"

	"leafmesh/mesh/internal/gate"
)

// calls bounds how many calls of a handler run at once, for a rule with a concurrency: a lock
// around the pure count. Who waits for a place stands in the rule's lines.
type calls struct {
	mu    sync.Mutex
	count *gate.Calls // guarded by mu
}

func newCalls(limit int) *calls { return &calls{count: gate.NewCalls(limit)} }

// begin takes a place if there is one.
func (c *calls) begin(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count.Begin(key)
}

// force takes a place whether there is one or not.
func (c *calls) force(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.Force(key)
	return true
}

// free is how many places there are.
func (c *calls) free(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count.Free(key)
}

// end frees a place.
func (c *calls) end(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.End(key)
}

// setLimit changes the bound.
func (c *calls) setLimit(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count.SetLimit(limit)
}
