package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// retryMillis is what clients are told to wait before they reconnect.
const retryMillis = 2000

// pace is how a stream goes along.
type pace struct {
	// heartbeat is how often a stream with nothing to say sends a comment, so that proxies keep it
	// open and a client that has vanished is noticed. The HTML standard advises 15 s.
	heartbeat time.Duration
	// write is how long a client may take to accept one write.
	write time.Duration
}

var defaultPace = pace{heartbeat: 15 * time.Second, write: 10 * time.Second}

// Event is one server-sent event.
type Event struct {
	ID   string // sent back by a reconnecting client as Last-Event-ID; empty: none
	Name string // what EventSource.addEventListener takes; empty: "message"
	Data any    // encoded as JSON
}

// Events answers with a stream of server-sent events. Whenever ready can be received from, it sends
// what next returns; a closed ready ends the stream after a last call of next. It sends a comment
// each 15 s in which there is nothing else. It returns when the client has gone, when the server
// closes or ready is closed, with nil; with an error when the answer cannot be streamed or an event
// not be encoded.
//
// Events calls next on its own goroutine, never during another call, and not before the client has
// taken what came before: how much may pile up meanwhile is for next's owner to bound.
func Events(w http.ResponseWriter, r *http.Request, ready <-chan struct{}, next func() []Event) error {
	return events(w, r, defaultPace, ready, next)
}

func events(w http.ResponseWriter, r *http.Request, p pace, ready <-chan struct{}, next func() []Event) error {
	s := stream{w: w, control: http.NewResponseController(w), timeout: p.write}
	if err := s.begin(); err != nil {
		return err
	}
	heartbeat := time.NewTicker(p.heartbeat)
	defer heartbeat.Stop()
	closing := closingOf(r.Context())
	for s.flush() {
		select {
		case <-r.Context().Done():
			return nil
		case <-closing:
			return nil
		case <-heartbeat.C:
			s.buffer.WriteString(":\n\n")
		case _, open := <-ready:
			heartbeat.Reset(p.heartbeat)
			if err := s.encode(next()); err != nil {
				return err
			}
			if !open {
				s.flush()
				return nil
			}
		}
	}
	return nil
}

// stream is the answer being written.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // of one write
	buffer  bytes.Buffer
}

// begin prepares the headers. The error says that this answer cannot have a deadline for each
// write: then the server's own, for whole answers, would end the stream.
func (s *stream) begin() error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return fmt.Errorf("stream events: %w", err)
	}
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would gather events otherwise
	fmt.Fprintf(&s.buffer, "retry: %d\n\n", retryMillis)
	return nil
}

// encode adds events to the buffer.
func (s *stream) encode(events []Event) error {
	for _, e := range events {
		data, err := json.Marshal(e.Data)
		if err != nil {
			return fmt.Errorf("encode event %q: %w", e.Name, err)
		}
		if strings.ContainsAny(e.ID+e.Name, "\r\n\x00") {
			return fmt.Errorf("event id %q and name %q must be one line", e.ID, e.Name)
		}
		if e.ID != "" {
			fmt.Fprintf(&s.buffer, "id: %s\n", e.ID)
		}
		if e.Name != "" {
			fmt.Fprintf(&s.buffer, "event: %s\n", e.Name)
		}
		fmt.Fprintf(&s.buffer, "data: %s\n\n", data) // JSON has no line breaks of its own
	}
	return nil
}

// flush sends the buffer. It returns false when the client has gone or takes nothing.
func (s *stream) flush() bool {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return false
	}
	_, err := s.buffer.WriteTo(s.w)
	return err == nil && s.control.Flush() == nil
}
