package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// within is a context for one step of a test, long enough for a busy machine.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve serves h on a free port until the test ends.
func serve(t *testing.T, h http.Handler, limits timeouts) *Server {
	t.Helper()
	s, err := newServer(context.Background(), "127.0.0.1:0", h, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func ok(w http.ResponseWriter, _ *http.Request) error {
	Respond(w, http.StatusOK, "ok")
	return nil
}

func TestServerListensOnLoopbackUnlessTold(t *testing.T) {
	for addr, loopback := range map[string]bool{":0": true, "127.0.0.1:0": true, "localhost:0": true, "0.0.0.0:0": false} {
		s, err := NewServer(context.Background(), addr, Handle(ok))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.listener.Addr().(*net.TCPAddr).IP.IsLoopback(); got != loopback {
			t.Errorf("%q listens on %s", addr, s.URL())
		}
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:x", "256.0.0.1:0"} {
		if _, err := NewServer(context.Background(), addr, Handle(ok)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", addr)) {
			t.Errorf("address %q: error %v, want one that names it", addr, err)
		}
	}
}

func TestTakenPortIsAnErrorAtOnce(t *testing.T) {
	s := serve(t, Handle(ok), defaultTimeouts)
	if _, err := NewServer(context.Background(), s.listener.Addr().String(), Handle(ok)); err == nil {
		t.Error("a second server on the same port")
	}
}

func TestPagesOfOtherOriginsMayNotWrite(t *testing.T) {
	mux := NewMux()
	mux.Route("/x", ok)
	s := serve(t, mux, defaultTimeouts)
	tests := []struct {
		method, site string
		status       int
	}{
		{"POST", "", 200}, {"POST", "same-origin", 200}, {"GET", "cross-site", 200}, {"POST", "cross-site", 403},
	}
	for _, test := range tests {
		headers := []string{"Sec-Fetch-Site", test.site}
		if test.site == "" {
			headers = nil
		}
		if status, body := request(t, test.method, s.URL()+"/x", "", headers...); status != test.status {
			t.Errorf("%s from %q: status %d, want %d: %s", test.method, test.site, status, test.status, body)
		}
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	s := serve(t, Handle(ok), defaultTimeouts)
	status, _ := get(t, s.URL(), "X-Large", strings.Repeat("x", 2*maxHeader))
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", status)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	limits := defaultTimeouts
	limits.header, limits.read = 50*time.Millisecond, 50*time.Millisecond
	failed := make(chan error, 1)
	s := serve(t, Handle(func(w http.ResponseWriter, r *http.Request) error {
		_, err := Decode[guess](w, r)
		failed <- err
		return err
	}), limits)
	for name, begin := range map[string]string{
		"in the headers": "GET / HTTP/1.1\r\nHost: x\r\n",
		"in the body":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, begin); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil { // ends when the server closes
			t.Errorf("stalled %s: %v, want the server to close", name, err)
		}
	}
	if err := <-failed; err == nil {
		t.Error("a body that stalled was decoded")
	}
}

func TestCloseLetsRequestsFinishAndEndsStreams(t *testing.T) {
	release, begun := make(chan struct{}), make(chan struct{})
	mux := NewMux()
	mux.Route("GET /slow", func(w http.ResponseWriter, r *http.Request) error {
		close(begun)
		<-release
		return ok(w, r)
	})
	mux.Route("GET /stream", func(w http.ResponseWriter, r *http.Request) error {
		return Events(w, r, nil, nil)
	})
	s := serve(t, mux, defaultTimeouts)
	stream := openStream(t, s.URL()+"/stream")
	slow := make(chan int)
	go func() {
		status, _ := get(t, s.URL()+"/slow")
		slow <- status
	}()
	<-begun
	closed := make(chan error)
	go func() { closed <- s.Close(within(t)) }()
	stream.end() // though the slow request is still under way
	close(release)
	if status := <-slow; status != 200 {
		t.Errorf("a request under way got status %d", status)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", s.listener.Addr().String()); err == nil {
		t.Error("the server still listens")
	}
}

func TestCloseCutsWhatDoesNotEndInTime(t *testing.T) {
	silence(t)
	begun, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, Handle(func(_ http.ResponseWriter, r *http.Request) error {
		close(begun)
		<-r.Context().Done()
		close(ended)
		return r.Context().Err()
	}), defaultTimeouts)
	go func() { // ends when the connection is cut
		answer, err := http.Get(s.URL())
		if err == nil {
			answer.Body.Close()
		}
	}()
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close returned %v, want the context's error", err)
	}
	<-ended
}

// testStream reads a stream of events.
type testStream struct {
	t     *testing.T
	lines *bufio.Scanner
}

// openStream opens a stream and checks its beginning.
func openStream(t *testing.T, url string) *testStream {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	s := &testStream{t, bufio.NewScanner(answer.Body)}
	s.want("retry: 2000")
	return s
}

// want reads one event, or comment, whose lines must be these.
func (s *testStream) want(lines ...string) {
	s.t.Helper()
	for _, want := range append(lines, "") {
		if !s.lines.Scan() {
			s.t.Fatalf("the stream ended (%v), want %q", s.lines.Err(), want)
		}
		if got := s.lines.Text(); got != want {
			s.t.Fatalf("line %q, want %q", got, want)
		}
	}
}

// end waits for the end of the stream.
func (s *testStream) end() {
	s.t.Helper()
	if s.lines.Scan() || s.lines.Err() != nil {
		s.t.Errorf("got %q (%v), want the end of the stream", s.lines.Text(), s.lines.Err())
	}
}

func TestEvents(t *testing.T) {
	ready := make(chan struct{}, 1)
	next := make(chan []Event, 2)
	s := serve(t, Handle(func(w http.ResponseWriter, r *http.Request) error {
		return Events(w, r, ready, func() []Event { return <-next })
	}), defaultTimeouts)
	stream := openStream(t, s.URL())
	next <- []Event{{Name: "leaderboard", Data: guess{Team: "two\nlines"}}, {ID: "7", Data: 1}}
	ready <- struct{}{}
	stream.want("event: leaderboard", `data: {"team":"two\nlines","count":0}`)
	stream.want("id: 7", "data: 1")
	next <- []Event{{Data: "last"}}
	close(ready)
	stream.want(`data: "last"`)
	stream.end()
}

func TestStreamOutlivesTheTimeoutsOfRequestsAndIsKeptAlive(t *testing.T) {
	limits := timeouts{header: 40 * time.Millisecond, read: 40 * time.Millisecond, write: 40 * time.Millisecond, idle: time.Second}
	s := serve(t, Handle(func(w http.ResponseWriter, r *http.Request) error {
		return events(w, r, pace{heartbeat: 40 * time.Millisecond, write: 200 * time.Millisecond}, nil, nil)
	}), limits)
	stream := openStream(t, s.URL())
	for range 8 { // for longer than any of the timeouts
		stream.want(":")
	}
}

func TestStreamEndsWhenTheClientGoes(t *testing.T) {
	returned := make(chan error, 1)
	s := serve(t, Handle(func(w http.ResponseWriter, r *http.Request) error {
		err := Events(w, r, nil, nil)
		returned <- err
		return err
	}), defaultTimeouts)
	ctx, cancel := context.WithCancel(within(t))
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	cancel()
	select {
	case err := <-returned:
		if err != nil {
			t.Errorf("Events returned %v, want nil", err)
		}
	case <-within(t).Done():
		t.Fatal("the stream goes on without its client")
	}
}

func TestAnswerThatCannotBeStreamedIsAnError(t *testing.T) {
	silence(t)
	w := httptest.NewRecorder() // has no deadlines
	Handle(func(w http.ResponseWriter, r *http.Request) error {
		return Events(w, r, nil, nil)
	}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
}

func TestEventsThatCannotBeSentAreErrors(t *testing.T) {
	for name, e := range map[string]Event{
		"line break in the name": {Name: "a\ndata: forged", Data: 1},
		"line break in the id":   {ID: "a\rb", Data: 1},
		"data that is no JSON":   {Data: func() {}},
	} {
		var s stream
		if err := s.encode([]Event{e}); err == nil {
			t.Errorf("%s: no error, sent %q", name, s.buffer.String())
		}
	}
}
