//go:build unix

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/config"
)

// Each field of a daemon's file says whether a reload takes a change of it.
func TestEachFieldChoosesWhetherItIsLive(t *testing.T) {
	for _, of := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[LogConfig]()} {
		for i := range of.NumField() {
			if tag := of.Field(i).Tag.Get("reload"); tag != "live" && tag != "restart" && tag != "parts" {
				t.Errorf("%s.%s has the tag reload:%q; choose live, restart or parts", of, of.Field(i).Name, tag)
			}
		}
	}
}

// After a reload that could not be undone the log does not say that nothing has changed.
func TestTheOutcomeOfAReloadThatFailed(t *testing.T) {
	stuck := fmt.Errorf("reload: %w", errors.Join(errors.New("broken"), fmt.Errorf("undo peers: %w", config.ErrNotUndone)))
	for err, want := range map[error]string{errors.New("broken"): "nothing has changed", stuck: "some of the file is in force"} {
		if got := outcome(err); !strings.Contains(got, want) || !strings.HasPrefix(got, "not reloaded, and ") {
			t.Errorf("after %v: %s", err, got)
		}
	}
}

// lines are those of a log, for several goroutines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take waits for a line with a text, and forgets all up to it.
func (l *lines) take(t *testing.T, text string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.mu.Lock()
		line, err := l.text.ReadString('\n')
		if err != nil {
			l.text.WriteString(line)
		}
		l.mu.Unlock()
		if err == nil && strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("the log does not say %q", text)
	return ""
}

// A SIGHUP has the file read again: one line says what changed, or what is wrong and where, and the
// process lives on. An operator's request does the same.
func TestAHangupReloads(t *testing.T) {
	keepLog(t)
	path := filepath.Join(t.TempDir(), "score.yaml")
	write := func(slow, level, port, extra string) {
		t.Helper()
		text := fmt.Sprintf("mesh:\n  name: score-1\n  alarms:\n    slow: %s\nlog: {level: %s}\nhttp: %s\ndata: d\nhunt: h\nextra: %s\n", slow, level, port, extra)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("5s", "info", "127.0.0.1:1", "1")
	var log lines
	var node *mesh.Node
	hangup := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	status := execute("scored", []string{"--config", path}, io.Discard, &log, func(_ context.Context, path string) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var c own
		file, err := Load(path, &c)
		if err != nil {
			return err
		}
		f := &fake{serving: func() {}}
		done := make(chan error, 1)
		go func() { done <- Serve(ctx, c.Config, f, file) }()
		log.take(t, "serving")
		node = f.node

		write("3s", "warn", "127.0.0.1:1", "1")
		hangup()
		if line := log.take(t, "reloaded"); !strings.Contains(line, `changes="mesh.alarms.slow: 5s → 3s; log.level: INFO → WARN"`) {
			t.Errorf("it says %s", line)
		}
		write("3s", "info", "127.0.0.1:1", "1")
		hangup()
		log.take(t, "reloaded")
		hangup()
		log.take(t, "says nothing new")
		for name, test := range map[string]struct{ slow, port, extra, want string }{
			"a bad value":                   {"-1s", "127.0.0.1:1", "1", ":4: mesh.alarms.slow: "},
			"no YAML":                       {"[", "127.0.0.1:1", "1", "score.yaml:"},
			"a field of the daemon":         {"1s", "127.0.0.1:2", "1", ":6: http: it cannot change while the node runs: 127.0.0.1:1 → 127.0.0.1:2; start the node again"},
			"a field of the service itself": {"1s", "127.0.0.1:1", "2", ":9: extra: it cannot change while the node runs: 1 → 2"},
		} {
			write(test.slow, "info", test.port, test.extra)
			hangup()
			if line := log.take(t, "not reloaded"); !strings.Contains(line, test.want) {
				t.Errorf("%s: it says %s", name, line)
			}
			if changes, err := file.reload(ctx, node, true); test.slow == "1s" && (err != nil || len(changes) != 2) {
				t.Errorf("%s: without a change: %v, %v", name, changes, err)
			}
		}
		write("2s", "info", "127.0.0.1:1", "1")
		if changes, err := file.reload(ctx, node, false); err != nil || changes.String() != "mesh.alarms.slow: 3s → 2s" {
			t.Errorf("at the end: %v, %v", changes, err) // nothing of the bad ones was taken
		}
		var changes config.Changes
		if changes, err = file.reload(ctx, node, false); err != nil || len(changes) != 0 {
			t.Errorf("once more: %v, %v", changes, err)
		}
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return nil
	})
	if status != 0 {
		t.Errorf("status %d", status)
	}
}
