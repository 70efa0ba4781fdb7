package metrics

import (
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"leafmesh/mesh"
	"leafmesh/mesh/door"
)

// scrapesAtOnce bounds what scrapes cost. A Prometheus server asks once in some seconds.
const scrapesAtOnce = 4

// newHandler makes what answers requests.
func newHandler(c Config, node *mesh.Node, checks []Check) (http.Handler, error) {
	ready := newReadiness(append(health(node), checks...))
	all, err := newGatherer(collectorOf(node, ready), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err != nil {
		return nil, err
	}
	scrape := promhttp.HandlerFor(all, promhttp.HandlerOpts{
		EnableOpenMetrics:  true,
		DisableCompression: true, // it takes as much of the processor as all else
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", index(c))
	mux.Handle("GET /metrics", whole(scrape, scrapesAtOnce))
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", ready.answer)
	paths := http.NewServeMux()
	paths.Handle("/", door.Bounded(mux))
	if c.Pprof {
		for path, profile := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile,
			"symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			paths.HandleFunc("GET /debug/pprof/"+path, profile)
		}
	}
	return paths, nil
}

// index lists what there is.
func index(c Config) http.HandlerFunc {
	text := "/metrics\n/healthz\n/readyz\n"
	if c.Pprof {
		text += "/debug/pprof/\n"
	}
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, text) }
}

// answer writes a text. Who has gone meanwhile does not get it.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func alive(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") }
