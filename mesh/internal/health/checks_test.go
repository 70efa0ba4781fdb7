package health

import (
	"context"
	"errors"
	"strings"
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
		c.Ask(t.Context(), now)
		if err := c.Await(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(c.Problems()); got != look.problems || asked != look.asked {
			t.Errorf("look %d: %d problems, asked %d times", i, got, asked)
		}
	}
}

// Who ends waits no longer than it wants for a check that heeds no context, and hears its name.
func TestACheckThatHangs(t *testing.T) {
	var c Checks
	hangs := make(chan struct{})
	c.Add("database", func(context.Context) error { <-hangs; return nil })
	ended, end := context.WithCancel(t.Context())
	c.Ask(ended, time.Now())
	end()
	if err := c.Await(ended); err == nil || !strings.Contains(err.Error(), "check database still runs") {
		t.Error(err)
	}
	close(hangs)
	if err := c.Await(t.Context()); err != nil {
		t.Error(err)
	}
}
