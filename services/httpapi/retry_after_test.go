package httpapi

import (
	"math"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Hour: "1", 0: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Hour: "3600",
		math.MaxInt64: "9223372037"} {
		w := httptest.NewRecorder()
		RetryAfter(w, d)
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%s is %q, want %s", d, got, want)
		}
	}
}
