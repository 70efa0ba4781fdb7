package mesh

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A handler that fails is told of at its first failure, with all that leads to the cause; while it
// goes on failing, once a minute with how often it did.
func TestTheFirstFailureIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		failed := func() (told []string) {
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "handler failed") {
					told = append(told, line)
				}
			}
			return told
		}
		f := openFlow(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: []Handler{
			keyedBegun.Handle("go on", func(ctx context.Context, k keyed) error { return keyedDone.Emit(ctx, k) }),
			keyedDone.Handle("fails", func(context.Context, keyed) error { return errors.New("no such account") },
				Retry{Tries: 3, FirstPause: time.Second, LongestPause: time.Second}),
		}})
		emitKeyed(t, f, keyed{Key: "otters"})
		synctest.Wait()
		told := failed()
		if len(told) != 1 {
			t.Fatalf("%d lines after the first failure:\n%s", len(told), log.String())
		}
		for _, part := range []string{"handler=fails", "type=ride.keyed.done", "root=", "ride-1:ride.keyed.begun → ride-1:ride.keyed.done",
			"key=otters", "try=1 tries=3", "no such account", "failed_since_last_line=0"} {
			if !strings.Contains(told[0], part) {
				t.Errorf("the line lacks %q: %s", part, told[0])
			}
		}
		for range 20 {
			emitKeyed(t, f, keyed{Key: "otters"})
		}
		time.Sleep(59 * time.Second)
		if told := failed(); len(told) != 1 {
			t.Errorf("%d lines within a minute", len(told))
		}
		time.Sleep(5 * time.Minute)
		emitKeyed(t, f, keyed{Key: "otters"})
		synctest.Wait()
		told = failed()
		if last := told[len(told)-1]; strings.Contains(last, "failed_since_last_line=0") || !strings.Contains(last, "try=1 ") {
			t.Errorf("the last line: %s", last)
		}
		f.end(t)
		if all := strings.Count(log.String(), "event given up"); all == 0 {
			t.Error("nothing was given up")
		}
	})
}
