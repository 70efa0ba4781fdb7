package metrics

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
)

// whole writes an answer at once. Several hundred small writes cost a tenth more, and each may lose
// the processor to a storm.
func whole(h http.Handler) http.Handler {
	var texts sync.Pool // of *bytes.Buffer: an answer may have a megabyte
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := texts.Get().(*bytes.Buffer)
		if text == nil {
			text = &bytes.Buffer{}
		}
		defer texts.Put(text)
		text.Reset()
		held := &heldWriter{ResponseWriter: w, text: text, status: http.StatusOK}
		h.ServeHTTP(held, r)
		w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
		w.WriteHeader(held.status)
		_, _ = w.Write(text.Bytes()) // who has gone meanwhile does not get it
	})
}

// heldWriter holds back what is written.
type heldWriter struct {
	http.ResponseWriter
	text   *bytes.Buffer
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *heldWriter) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *heldWriter) Write(data []byte) (int, error) { return w.text.Write(data) }
