package httpapi

import (
	"net/http"

	"go.opentelemetry.io/otel/propagation"
)

// traced gives the context of a request the span that the client names (W3C Trace Context). What
// the handler emits is linked with it, if the node is traced.
func traced(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") != "" {
			r = r.WithContext(propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header)))
		}
		h.ServeHTTP(w, r)
	})
}
