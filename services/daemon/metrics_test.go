//go:build unix

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"leafmesh/mesh"
	"leafmesh/mesh/metrics"
)

// urls hears from the log where metrics are.
type urls chan string

func (u urls) Write(line []byte) (int, error) {
	var said struct{ Msg, URL string }
	if err := json.Unmarshal(line, &said); err != nil {
		return 0, err
	}
	if said.Msg == "metrics" {
		u <- said.URL
	}
	return len(line), nil
}

func ask(t *testing.T, url string) (status int, text string) {
	answer, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(body)
}

// watchable is a service whose database can be broken.
type watchable struct {
	fake
	broken   error
	stopping func() // called by StopServing
	node     *mesh.Node
}

func (w *watchable) Serve(ctx context.Context, node *mesh.Node) error {
	w.node = node
	return w.fake.Serve(ctx, node)
}

func (w *watchable) Check(context.Context) error { return w.broken }

func (w *watchable) StopServing(ctx context.Context) error {
	w.stopping()
	return w.fake.StopServing(ctx)
}

// A daemon gives out its node's metrics before it serves, says whether it is ready, and that it is
// no longer while it stops.
func TestServeGivesOutMetrics(t *testing.T) {
	for _, test := range []struct {
		broken error
		want   string
	}{
		{nil, "database: ok\nrunning: ok\n"},
		{errors.New("disk I/O error"), "database: disk I/O error\nrunning: ok\n"},
	} {
		keepLog(t)
		heard := make(urls, 1)
		slog.SetDefault(slog.New(slog.NewJSONHandler(heard, nil)))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		var url string
		s := &watchable{broken: test.broken}
		s.serving = func() {
			url = <-heard
			if _, text := ask(t, url+"/metrics"); !strings.Contains(text, `leafmesh_waiting_events{node="score-1"} 0`) {
				t.Errorf("no metrics:\n%s", text)
			}
			if status, text := ask(t, url+"/readyz"); (status == 200) != (test.broken == nil) || !strings.HasSuffix(text, test.want) {
				t.Errorf("ready: %d %s, want %s", status, text, test.want)
			}
			told := false
			for h := range s.node.Watch(ctx) { // it is part of the node's health as well
				if told = h.Ready == (test.broken == nil); told {
					break
				}
			}
			if !told {
				t.Error("the health of the node does not tell of the database")
			}
			cancel()
		}
		s.stopping = func() {
			var text string
			for deadline := time.Now().Add(10 * time.Second); !strings.HasSuffix(text, "running: it stops\n"); time.Sleep(10 * time.Millisecond) {
				if _, text = ask(t, url+"/readyz"); time.Now().After(deadline) {
					t.Fatalf("while it stops it says %s", text)
				}
			}
		}
		c := Config{Mesh: mesh.Config{Name: "score-1"}, Metrics: &metrics.Config{Listen: "127.0.0.1:0"}}
		if err := Serve(ctx, c, s, nil); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		if answer, err := http.Get(url); err == nil {
			answer.Body.Close()
			t.Error("it gives out metrics after its end")
		}
	}
}

// Metrics that cannot be given out stop the start, and what has begun ends.
func TestServeWithoutItsMetricsPort(t *testing.T) {
	keepLog(t)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	f := &fake{}
	err := Serve(t.Context(), Config{Mesh: mesh.Config{Name: "score-1"}, Metrics: &metrics.Config{Listen: "192.0.2.1:1", Token: mesh.NewSecret("0123456789abcdef")}}, f, nil)
	if err == nil || !strings.Contains(err.Error(), "serve metrics: ") {
		t.Errorf("error: %v", err)
	}
	if want := []string{"declare", "stop serving", "stop relaying", "close"}; !slices.Equal(f.calls, want) {
		t.Errorf("calls: %q, want %q", f.calls, want)
	}
}
