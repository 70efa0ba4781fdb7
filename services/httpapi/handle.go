package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Handle makes a handler of f. An error that is, or wraps, a *Problem is answered as that problem;
// any other one is logged with slog's default logger and answered with a bare status 500, and so is
// a panic. Once f has begun to answer, the error is logged and nothing further is written.
func Handle(f func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &trackedWriter{ResponseWriter: w}
		defer recovered(tracked, r)
		if err := f(tracked, r); err != nil {
			fail(tracked, r, err)
		}
	})
}

// fail tells the client of err, and the log if it is an error of ours.
func fail(w *trackedWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p == nil {
		if gone(r, err) {
			return
		}
		slog.Error("http: request failed", "method", r.Method, "url", r.URL.Path, "error", err)
		p = NewProblem(http.StatusInternalServerError, "")
	}
	if !w.begun {
		respondProblem(w, p)
	}
}

// gone reports whether err only says that the client went away.
func gone(r *http.Request, err error) bool {
	return r.Context().Err() != nil && errors.Is(err, context.Canceled)
}

// recovered turns a panic into status 500, or, when the answer has begun, cuts the connection so
// that the client cannot take the half for the whole.
func recovered(w *trackedWriter, r *http.Request) {
	value := recover()
	if value == nil {
		return
	}
	if value == http.ErrAbortHandler { //nolint:errorlint // net/http compares in the same way
		panic(value)
	}
	slog.Error("http: handler panicked", "method", r.Method, "url", r.URL.Path, "error", value, "stack", string(debug.Stack()))
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	respondProblem(w, NewProblem(http.StatusInternalServerError, ""))
}

// trackedWriter knows whether the answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (w *trackedWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *trackedWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
