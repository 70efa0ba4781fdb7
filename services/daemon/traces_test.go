//go:build unix

package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/traces"
)

// failing is a service whose handler fails.
type failing struct{ fake }

func (f *failing) Declare(c *mesh.Config) {
	c.Handlers = append(c.Handlers, pinged.Handle("fail", func(context.Context, ping) error { return errors.New("no paper") }, mesh.Retry{Tries: 1}))
}

// A daemon exports the spans of cascades that fail, also the last ones before its end.
func TestServeExportsTraces(t *testing.T) {
	keepLog(t)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var sent []string // by the one goroutine that sends
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, r.URL.Path, string(body))
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	f := &failing{}
	f.serving = func() {
		if err := pinged.Emit(f.node.Context(ctx), ping{}); err != nil {
			t.Error(err)
		}
		cancel()
	}
	c := Config{Mesh: mesh.Config{Name: "score-1"}, Traces: &traces.Config{OTLP: collector.URL}}
	if err := Serve(ctx, c, f, nil); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	collector.Close()
	if all := strings.Join(sent, "\n"); !strings.Contains(all, "/v1/traces\n") || !strings.Contains(all, "handle score.daemon.pinged") || !strings.Contains(all, "no paper") {
		t.Errorf("sent: %q", all)
	}
}

// A collector that is not there is no error of the daemon, and a wrong URL is one of its file.
func TestServeWithoutItsCollector(t *testing.T) {
	keepLog(t)
	var log strings.Builder
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	f := &failing{}
	f.serving = func() {
		if err := pinged.Emit(f.node.Context(ctx), ping{}); err != nil {
			t.Error(err)
		}
		cancel()
	}
	c := Config{Mesh: mesh.Config{Name: "score-1"}, Traces: &traces.Config{OTLP: "http://127.0.0.1:1"}, Data: "d", Hunt: "h"}
	if err := Serve(ctx, c, f, nil); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "spans lost") {
		t.Errorf("the log:\n%s", &log)
	}
	c.Traces.OTLP = "127.0.0.1:4318"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "traces.otlp: ") {
		t.Errorf("error: %v", err)
	}
}
