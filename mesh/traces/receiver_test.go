package traces

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"leafmesh/mesh"
	"leafmesh/mesh/inproc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; no wait ends by it unless something is broken.
const patience = 20 * time.Second

type step struct {
	Team string `cbor:"1,keyasint"`
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// receiver takes spans as a collector does.
type receiver struct {
	*httptest.Server
	answer func(w http.ResponseWriter, taken int) (wanted bool) // nil: all are wanted

	mu       sync.Mutex
	spans    []received // guarded by mu
	requests []*http.Request
}

// received is a span with whose it is.
type received struct {
	*tracepb.Span
	service, instance string
}

func receive(t testing.TB) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var in collectorpb.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var spans []received
	for _, of := range in.ResourceSpans {
		named := map[string]string{}
		for _, a := range of.Resource.Attributes {
			named[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				spans = append(spans, received{s, named["service.name"], named["service.instance.id"]})
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request)
	if r.answer == nil || r.answer(w, len(spans)) {
		r.spans = append(r.spans, spans...)
	}
}

func (r *receiver) set(answer func(w http.ResponseWriter, taken int) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// of are the spans of a name that have come so far.
func (r *receiver) of(name string) (spans []received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// one awaits the one span of a name.
func (r *receiver) one(t testing.TB, name string) received {
	t.Helper()
	await(t, "span "+name, func() bool { return len(r.of(name)) > 0 })
	return r.of(name)[0]
}

func (s received) attribute(name string) string {
	i := slices.IndexFunc(s.Attributes, func(a *commonpb.KeyValue) bool { return a.Key == name })
	if i < 0 {
		return ""
	}
	return s.Attributes[i].Value.GetStringValue()
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

// export exports the spans of nodes until the test's end.
func export(t testing.TB, r *receiver, nodes ...*mesh.Node) (exporters []*Exporter) {
	t.Helper()
	for _, n := range nodes {
		e, err := Export(Config{OTLP: r.URL}, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close(within(t)) }) // tests of losses lose some
		exporters = append(exporters, e)
	}
	return exporters
}

// lines is a log that writes to w.
func lines(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
