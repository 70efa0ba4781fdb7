package mesh

import (
	"sync"
	"time"

	"leafmesh/mesh/internal/delivery"
	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/letters"
)

// failures are the failed calls of a handler, which the log tells of: the first one at once, so that
// a handler that fails is not silent while its events are tried again, and those of the minute after
// it by their number. All of the handler's workers share them.
type failures struct {
	mu     sync.Mutex
	told   int64  // guarded by mu: when the last line was written, as of the node's clock; 0: never
	unsaid uint64 // guarded by mu: failures since then
}

// failuresTold is how long a handler that goes on failing is not told of again.
const failuresTold = int64(time.Minute)

// next counts one failure, and reports whether it is to be told, with how many were not.
func (f *failures) next(now int64) (unsaid uint64, tell bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told != 0 && now-f.told < failuresTold {
		f.unsaid++
		return 0, false
	}
	unsaid, f.unsaid, f.told = f.unsaid, 0, now
	return unsaid, true
}

// tellFailed writes the line of a failed call, unless there was one just now.
func (c *caller) tellFailed(it *delivery.Item, try int, err error) {
	unsaid, tell := c.failures.next(c.flow.clock.Now())
	if !tell {
		return
	}
	c.flow.log.Warn("handler failed", journal.About(&it.Header, "node", c.flow.name, "handler", c.name, "try", try, "tries", c.settings.Tries,
		"error", letters.ErrorText(err), "failed_since_last_line", unsaid)...)
}
