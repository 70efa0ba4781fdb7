package metrics

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// whole writes an answer at once. Several hundred small writes cost a tenth more, and each may lose
// the processor to a storm. So many answers are under way until their clients have read them, as
// each has its text in memory until then; who asks for one more gets status 503.
func whole(h http.Handler, atOnce int) http.Handler {
	var texts sync.Pool // of *bytes.Buffer: an answer may have a megabyte
	underWay := make(chan struct{}, atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case underWay <- struct{}{}:
			defer func() { <-underWay }()
		default:
			answer(w, http.StatusServiceUnavailable, fmt.Sprintf("%d scrapes are under way: ask again later\n", atOnce))
			return
		}
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
