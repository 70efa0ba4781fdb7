package clue

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// attemptIDs makes ids of attempts: the time in microseconds, moved on where two would be equal.
// They are unique in one database for good, because a new process goes on after the highest
// recorded one even if the clock was set back; they grow, so that one which is above the last of
// its team is new; and making one costs a clock reading. A random id was rejected: it costs more
// and tells nothing.
type attemptIDs struct{ last atomic.Int64 }

// next returns an id that was not returned before.
func (ids *attemptIDs) next() int64 { return ids.after(0) }

// after returns a number that was not returned before, above that of an attempt that is judged now.
func (ids *attemptIDs) after(attempt int64) int64 {
	now := time.Now().UnixMicro()
	for {
		last := ids.last.Load()
		id := max(now, last+1, attempt+1)
		if ids.last.CompareAndSwap(last, id) {
			return id
		}
	}
}

// formatAttempt gives an id as events and the HTTP API write it: ten characters of 0-9 and a-z.
func formatAttempt(id int64) string { return strconv.FormatInt(id, 36) }

// parseAttempt reads what formatAttempt wrote, and nothing else.
func parseAttempt(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 36, 64)
	if err != nil || id <= 0 || formatAttempt(id) != text {
		return 0, fmt.Errorf("%.40q is no attempt id", text)
	}
	return id, nil
}
