package metrics

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"leafmesh/mesh"
)

// scrapesAtOnce bounds what scrapes cost. A Prometheus server asks once in some seconds.
const scrapesAtOnce = 4

// newHandler makes what answers requests.
func newHandler(c Config, node *mesh.Node, checks []Check) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	for _, of := range []prometheus.Collector{
		NewCollector(node), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(of); err != nil {
			return nil, err
		}
	}
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: scrapesAtOnce,
		DisableCompression: true, // it takes as much of the processor as all else
	})
	ready := newReadiness(append(health(node), checks...))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", index(c))
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", ready.answer)
	all := http.NewServeMux()
	all.Handle("/", bounded(mux))
	if c.Pprof {
		for path, profile := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile,
			"symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			all.HandleFunc("GET /debug/pprof/"+path, profile)
		}
	}
	return guard(c, all)
}

// bounded gives an answer so much time to be written, and not for ever.
func bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A writer that knows no deadline is no connection, and needs none.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		h.ServeHTTP(w, r)
	})
}

// guard lets in who has the token. Without one it lets in this machine, but no page that a browser on
// it shows: by DNS such a page can pass for one of ours, and its requests then name another host.
func guard(c Config, h http.Handler) (http.Handler, error) {
	if c.Token.IsZero() {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isLoopback(hostOf(r)) {
				http.Error(w, "ask for this port by 127.0.0.1 or localhost", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		}), nil
	}
	token, err := c.Token.Resolve()
	if err != nil {
		return nil, err
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(strings.TrimSpace(given)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, `send the token: "Authorization: Bearer TOKEN"`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}

// hostOf is the host that a request names, without its port.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.Trim(host, "[]")
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
