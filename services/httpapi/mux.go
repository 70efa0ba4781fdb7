package httpapi

import "net/http"

// Mux routes requests by the patterns of http.ServeMux. Unlike that one it answers an unknown path
// or a method that is not allowed with a problem detail. All routes are added before it serves.
type Mux struct {
	mux http.ServeMux
}

// NewMux makes a Mux without routes.
func NewMux() *Mux { return &Mux{} }

// Route adds f for a pattern such as "GET /v1/teams/{team}"; f is wrapped by Handle. A pattern that
// is malformed or conflicts with another one is a panic, as with http.ServeMux.
func (m *Mux) Route(pattern string, f func(w http.ResponseWriter, r *http.Request) error) {
	m.mux.Handle(pattern, Handle(f))
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := m.mux.Handler(r)
	if pattern != "" {
		m.mux.ServeHTTP(w, r) // not h: only the mux sets path values
		return
	}
	verdict := &verdictWriter{header: w.Header()}
	h.ServeHTTP(verdict, r) // sets Allow when the method is not allowed
	// The mux may lead to a tidier path, where there is nothing either.
	if verdict.status < http.StatusBadRequest {
		w.Header().Del("Location")
		verdict.status = http.StatusNotFound
	}
	respondProblem(w, routingProblem(verdict.status, r))
}

// routingProblem says in words what the mux decided.
func routingProblem(status int, r *http.Request) *Problem {
	switch status {
	case http.StatusMethodNotAllowed:
		return NewProblem(status, "%s is not allowed here; the Allow header says what is", r.Method)
	case http.StatusNotFound:
		return NewProblem(status, "there is nothing at this path")
	default:
		return NewProblem(status, "")
	}
}

// verdictWriter keeps the status and the headers of an answer and drops its text.
type verdictWriter struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (w *verdictWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *verdictWriter) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *verdictWriter) Write(b []byte) (int, error) { return len(b), nil }
