package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
)

// Problem is an error to be told to the client: a problem detail of RFC 9457.
type Problem struct {
	// Type is a URI reference that names the kind of problem; empty stands for "about:blank", a
	// problem that Status describes fully.
	Type string `json:"type,omitempty"`
	// Title is the kind of problem for people; the same text at each occurrence.
	Title string `json:"title"`
	// Status is the HTTP status code.
	Status int `json:"status"`
	// Detail says what happened this time, and what would be right.
	Detail string `json:"detail,omitempty"`
}

// NewProblem makes a problem of no further type: its title is the status's own.
func NewProblem(status int, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// Error returns title and detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Respond answers with v as JSON. A value that cannot be encoded is a bug: it is logged and
// answered with status 500.
func Respond(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		slog.Error("http: encode answer", "value", fmt.Sprintf("%T", v), "error", err)
		respondProblem(w, NewProblem(http.StatusInternalServerError, ""))
		return
	}
	respond(w, status, "application/json", body)
}

// respondProblem answers with p.
func respondProblem(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // a struct of strings and an int
		panic(err)
	}
	respond(w, p.Status, "application/problem+json", body)
}

// respond writes an answer that is neither cached nor guessed at.
func respond(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone is no error of ours
}

// problemOf returns the problem to tell for err, nil when err is not for the client.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}
