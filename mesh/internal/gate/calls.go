package gate

// Calls counts the calls under way, by key, and bounds them. It knows a key only while a call of it
// is under way, so that it is no larger than there are callers. It is not safe for concurrent use:
// who waits for a place needs a lock of its own anyway.
type Calls struct {
	limit    int
	underWay map[string]int
}

// NewCalls makes the count of at most limit calls at once for each key.
func NewCalls(limit int) *Calls { return &Calls{limit: limit, underWay: map[string]int{}} }

// Begin says whether one more call may begin, and counts it if so.
func (c *Calls) Begin(key string) bool {
	if c.underWay[key] >= c.limit {
		return false
	}
	c.underWay[key]++
	return true
}

// Force counts one more call, also past the limit.
func (c *Calls) Force(key string) { c.underWay[key]++ }

// Free is how many more calls of the key may begin.
func (c *Calls) Free(key string) int { return c.limit - c.underWay[key] }

// End ends a call that began.
func (c *Calls) End(key string) {
	if c.underWay[key]--; c.underWay[key] == 0 {
		delete(c.underWay, key)
	}
}

// SetLimit changes the limit. Under a lower one the calls under way go on.
func (c *Calls) SetLimit(limit int) { c.limit = limit }

// Keys is the number of keys with a call under way.
func (c *Calls) Keys() int { return len(c.underWay) }
