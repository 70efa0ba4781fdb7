package metrics

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; no wait ends by it unless something is broken.
const patience = 20 * time.Second

type step struct {
	Team string `cbor:"1,keyasint"`
}

var (
	stepTaken  = mesh.NewEvent("core.step.taken", mesh.Key(func(s step) string { return s.Team }))
	stepFailed = mesh.NewEvent[step]("core.step.failed")
)

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// open opens nodes of one process that are linked, and closes them at the test's end.
func open(t testing.TB, configs ...mesh.Config) inproc.Nodes {
	t.Helper()
	nodes, err := inproc.Open(within(t), configs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	if err := nodes.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func emit(t testing.TB, n *mesh.Node, e *mesh.Event[step], s step) {
	t.Helper()
	if err := e.Emit(n.Context(within(t)), s); err != nil {
		t.Fatal(err)
	}
}

func serve(t testing.TB, c Config, node *mesh.Node, checks ...Check) *Server {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	s, err := Serve(c, node, checks...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks for a path, with headers: name, value, …
func get(t testing.TB, s *Server, path string, headers ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// gather collects from a collector, by the names of its metrics.
func gather(t testing.TB, c prometheus.Collector) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]*dto.MetricFamily{}
	for _, f := range all {
		named[f.GetName()] = f
	}
	return named
}

// lines are those of a text that have all of some parts.
func lines(text string, parts ...string) (found []string) {
next:
	for line := range bytes.Lines([]byte(text)) {
		for _, part := range parts {
			if !strings.Contains(string(line), part) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(string(line)))
	}
	return found
}
