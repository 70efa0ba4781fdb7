package mesh

import (
	"context"
	"errors"
	"fmt"
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

// of gives the lines with a message.
func (l *lines) of(message string) (found []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, fmt.Sprintf("msg=%q", message)) {
			found = append(found, line)
		}
	}
	return found
}

// A handler that fails is told of at its first failure, with all that leads to the cause; while it
// goes on failing, once in half a minute with for how many events it did.
func TestTheFirstFailureIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		failed := func() []string { return log.of("handler failed") }
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
		for _, part := range []string{"node=ride-1", "handler=fails", "type=ride.keyed.done", "event=", "root=", "ride-1:ride.keyed.begun → ride-1:ride.keyed.done",
			"key=otters", "try=1 tries=3", `error="no such account"`} {
			if !strings.Contains(told[0], part) {
				t.Errorf("the line lacks %q: %s", part, told[0])
			}
		}
		for range 20 {
			emitKeyed(t, f, keyed{Key: "otters"})
		}
		time.Sleep(29 * time.Second)
		if told := failed(); len(told) != 1 {
			t.Errorf("%d lines in 29 s", len(told))
		}
		time.Sleep(5 * time.Minute)
		told = failed()
		if len(told) < 2 || !strings.Contains(told[1], "times=") {
			t.Errorf("%d lines in 5 minutes, the second is not a count:\n%s", len(told), strings.Join(told, ""))
		}
		emitKeyed(t, f, keyed{Key: "otters"})
		synctest.Wait()
		again := failed()
		if last := again[len(again)-1]; len(again) != len(told)+1 || strings.Contains(last, "times=") || !strings.Contains(last, "try=1 ") {
			t.Errorf("the last line: %s", last)
		}
		f.end(t)
		if log.of("event given up") == nil {
			t.Error("nothing was given up")
		}
	})
}

// An event that fails is a line at its first failure and one at its end, and one alone if that is
// the same.
func TestAnEventThatFailsHasALineForEachFact(t *testing.T) {
	no := errors.New("no")
	for _, test := range []struct {
		name  string
		tries int
		fails []error // call by call; then it is handled
		want  map[string]int
	}{
		{"handled", 3, nil, nil},
		{"well in the end", 3, []error{no, no}, map[string]int{"handler failed": 1, "event handled after failures": 1}},
		{"badly", 2, []error{no, no}, map[string]int{"handler failed": 1, "event given up": 1}},
		{"badly at once", 1, []error{no}, map[string]int{"event given up": 1}},
		{"for good", 3, []error{Final(no)}, map[string]int{"event given up": 1}},
		{"not now", 1, []error{NotNow(time.Second)}, map[string]int{"handler failed": 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log lines
			calls := 0
			f := openFlow(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: []Handler{
				keyedDone.Handle("count", func(context.Context, keyed) (err error) {
					if calls++; calls <= len(test.fails) {
						err = test.fails[calls-1]
					}
					return err
				}, Retry{Tries: test.tries, FirstPause: time.Second, LongestPause: time.Second}),
			}})
			if err := keyedDone.Emit(f.Context(t.Context()), keyed{Key: "otters"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			f.end(t)
			all := 0
			for message, want := range test.want {
				if got := log.of(message); len(got) != want {
					t.Errorf("%s: %d lines %q, want %d", test.name, len(got), message, want)
				}
				all += want
			}
			if got := strings.Count(log.String(), "\n"); got != all {
				t.Errorf("%s: %d lines, want %d:\n%s", test.name, got, all, log.String())
			}
		})
	}
}
