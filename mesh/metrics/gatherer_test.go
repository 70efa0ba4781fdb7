package metrics

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"leafmesh/mesh/stats"
)

// A scrape has what a registry of Prometheus' client makes of the same collectors.
func TestTheGathererGivesWhatARegistryGives(t *testing.T) {
	from := &fixed{counts: stats.Stats{Counts: []stats.Count{
		{Type: "a.b.c", Outcome: stats.Lost, Place: "import", Rule: "closed", Count: 1}, {Type: "a.b.d", Outcome: stats.Admitted, Count: 7}}},
		durations: []stats.Durations{{Of: stats.MeasuredWait, Type: "a.b.c", Place: "handler one", Histogram: stats.Histogram{
			Count: 2, Sum: 2 * time.Second, Classic: []uint64{0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0}, Native: []stats.NativeBucket{{Index: 0, Count: 2}}}}}}
	c := newCollector("core-1", from)
	g, err := newGatherer(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	for _, one := range append([]prometheus.Collector{c}, g.runtime...) {
		if err := registry.Register(one); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.Gather()
	want, problem := registry.Gather()
	if err != nil || problem != nil || len(got) != len(want) || len(got) < 40 {
		t.Fatalf("%d families and %v, want %d and %v", len(got), err, len(want), problem)
	}
	for i, f := range want {
		is := got[i]
		slices.SortFunc(is.Metric, func(a, b *dto.Metric) int { return cmp.Compare(labelsOf(a), labelsOf(b)) })
		if is.GetName() != f.GetName() || is.GetHelp() != f.GetHelp() || is.GetType() != f.GetType() || len(is.Metric) != len(f.Metric) {
			t.Errorf("%v, want %v", is, f)
		}
		if strings.HasPrefix(f.GetName(), "leafmesh_") && is.String() != f.String() {
			t.Errorf("%v, want %v", is, f)
		}
	}
}

// asked is a collector that notes where it is asked.
type asked struct {
	desc  *prometheus.Desc
	gives prometheus.Metric
	stack string
}

func (a *asked) Describe(out chan<- *prometheus.Desc) { out <- a.desc }

func (a *asked) Collect(out chan<- prometheus.Metric) {
	a.stack = string(debug.Stack())
	out <- a.gives
}

// Nothing is handed from one goroutine to another: in a storm each would wait for its turn.
func TestAScrapeIsTheWorkOfOneGoroutine(t *testing.T) {
	one := &asked{desc: prometheus.NewDesc("one_total", "One.", nil, nil)}
	one.gives = prometheus.MustNewConstMetric(one.desc, prometheus.CounterValue, 1)
	g, err := newGatherer(newCollector("core-1", &fixed{}), one)
	if err != nil {
		t.Fatal(err)
	}
	all, err := g.Gather()
	if err != nil || !slices.ContainsFunc(all, func(f *dto.MetricFamily) bool { return f.GetName() == "one_total" }) {
		t.Errorf("%v, %v", all, err)
	}
	if !strings.Contains(one.stack, t.Name()) {
		t.Errorf("it is collected elsewhere:\n%s", one.stack)
	}
	one.gives = prometheus.MustNewConstMetric(prometheus.NewDesc("other_total", "Other.", nil, nil), prometheus.CounterValue, 1)
	if _, err := g.Gather(); err == nil || !strings.Contains(err.Error(), "other_total") {
		t.Errorf("a metric that was not described: %v", err)
	}
	one.desc = prometheus.NewInvalidDesc(errors.New("no name"))
	if _, err := newGatherer(newCollector("core-1", &fixed{}), one); err == nil {
		t.Error("a description without a name is taken")
	}
}

// An answer comes whole, with its length and its status.
func TestAnAnswerIsWrittenAtOnce(t *testing.T) {
	h := whole(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/odd")
		if r.URL.Path == "/full" {
			http.Error(w, "too many", http.StatusServiceUnavailable)
			return
		}
		for range 3 {
			if _, err := w.Write([]byte("abc")); err != nil {
				t.Error(err)
			}
		}
	}), 1)
	for range 2 { // also with a buffer that was used before
		for path, want := range map[string]struct {
			status int
			text   string
		}{"/": {200, "abcabcabc"}, "/full": {503, "too many\n"}} {
			got := httptest.NewRecorder()
			h.ServeHTTP(got, httptest.NewRequest(http.MethodGet, path, nil))
			if got.Code != want.status || got.Body.String() != want.text || got.Result().ContentLength != int64(len(want.text)) {
				t.Errorf("%s: status %d, %q of %d bytes", path, got.Code, got.Body, got.Result().ContentLength)
			}
		}
	}
}

// stuck is a client that does not read.
type stuck struct {
	http.ResponseWriter
	entered chan<- struct{}
	reads   <-chan struct{}
}

func (s stuck) Write(data []byte) (int, error) {
	s.entered <- struct{}{}
	<-s.reads
	return s.ResponseWriter.Write(data)
}

// Clients that do not read hold no more answers in memory than are allowed at once.
func TestClientsThatDoNotReadAreBounded(t *testing.T) {
	const atOnce = 2
	h := whole(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "text") }), atOnce)
	get := func() *http.Request { return httptest.NewRequest(http.MethodGet, "/metrics", nil) }
	entered, reads := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() { h.ServeHTTP(stuck{httptest.NewRecorder(), entered, reads}, get()) })
		<-entered
	}
	for range 50 {
		over := httptest.NewRecorder()
		h.ServeHTTP(over, get())
		if over.Code != http.StatusServiceUnavailable {
			t.Fatalf("status %d: %s", over.Code, over.Body)
		}
	}
	close(reads)
	all.Wait()
	after := httptest.NewRecorder()
	h.ServeHTTP(after, get())
	if after.Code != http.StatusOK || after.Body.String() != "text" {
		t.Errorf("status %d after they have read: %s", after.Code, after.Body)
	}
}
