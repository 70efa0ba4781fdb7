package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// RetryAfter tells the client when to come again: in whole seconds, rounded up, and at least one.
// Call it before the problem is answered.
func RetryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.FormatInt(max(1, int64(math.Ceil(d.Seconds()))), 10))
}
