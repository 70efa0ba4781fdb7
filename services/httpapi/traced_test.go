package httpapi

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// The span that a client names is in the context of its request; what is none is left out.
func TestTheSpanOfTheClientIsInTheContext(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var got trace.SpanContext
	s := serve(t, Handle(func(w http.ResponseWriter, r *http.Request) error {
		got = trace.SpanContextFromContext(r.Context())
		return ok(w, r)
	}), defaultTimeouts)
	for sent, want := range map[string]bool{parent: true, "": false, "00-0af7-b7-01": false, "00-00000000000000000000000000000000-b7ad6b7169203331-01": false} {
		request, err := http.NewRequestWithContext(within(t), http.MethodGet, s.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Traceparent", sent)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || got.IsValid() != want || want && (got.TraceID().String() != parent[3:35] || got.SpanID().String() != parent[36:52] || !got.IsRemote()) {
			t.Errorf("%q: status %d, span %v", sent, answer.StatusCode, got)
		}
	}
}
