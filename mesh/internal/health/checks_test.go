package health

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A check is asked again after a time, and what it says then counts.
func TestAnOwnCheckIsAskedAgain(t *testing.T) {
	var c Checks
	asked, broken, now := 0, errors.New("broken"), time.Now()
	c.Add("database", func(context.Context) error { asked++; return broken })
	for i, look := range []struct {
		after    time.Duration
		broken   error
		problems int
		asked    int
	}{{0, broken, 1, 1}, {checkEach - 1, nil, 1, 1}, {1, nil, 0, 2}, {checkEach, broken, 1, 3}} {
		now, broken = now.Add(look.after), look.broken
		var begun []func()
		c.Ask(t.Context(), now, func(f func()) { begun = append(begun, f) })
		for _, f := range begun {
			f()
		}
		if got := len(c.Problems()); got != look.problems || asked != look.asked {
			t.Errorf("look %d: %d problems, asked %d times", i, got, asked)
		}
	}
}
