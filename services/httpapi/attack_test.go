package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// raw sends text to a server and returns its answer, after those to former requests of the
// connection.
func raw(t *testing.T, s *Server, text string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// A page whose name was made to lead here gets nothing: its requests come from a browser that takes
// them for requests of one origin.
func TestAttackByDNSRebinding(t *testing.T) {
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	s, err := NewServer(context.Background(), "localhost:0", Handle(func(w http.ResponseWriter, r *http.Request) error {
		asked++
		return ok(w, r)
	}), "hunt.example.org")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(within(t)); err != nil {
			t.Error(err)
		}
	})
	for host, status := range map[string]int{
		"127.0.0.1":             200,
		"127.0.0.1:8081":        200,
		"[::1]:8081":            200,
		"192.0.2.7":             200,
		"localhost:8081":        200,
		"LOCALHOST.":            200,
		"hunt.example.org":      200,
		"Hunt.Example.org:443":  200,
		machine:                 200,
		"attacker.example":      421,
		"attacker.example:8081": 421,
		"127.0.0.1.attacker.io": 421,
		"localhost.attacker.io": 421,
		"xhunt.example.org":     421,
		"127.1":                 421,
		"":                      421,
	} {
		before := asked
		answer, body := raw(t, s, "POST /v1/answers HTTP/1.1\r\nHost: "+host+"\r\nOrigin: http://"+host+"\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n")
		if answer.StatusCode != status || asked-before != map[int]int{200: 1}[status] {
			t.Errorf("host %q: status %d and %d handled, want %d: %s", host, answer.StatusCode, asked-before, status, body)
		}
	}
}

// What net/http answers before any handler is asked is a problem detail like all else.
func TestErrorsOfTheServerItselfAreProblems(t *testing.T) {
	mux := NewMux()
	mux.Route("GET /x", ok)
	s := serve(t, mux, defaultTimeouts)
	for name, test := range map[string]struct {
		request string
		status  int
		detail  string
	}{
		"no request":           {"hello\r\n\r\n", 400, ""},
		"no host":              {"GET /x HTTP/1.1\r\n\r\n", 400, "missing required Host header"},
		"two hosts":            {"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ""},
		"a malformed host":     {"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed Host header"},
		"a malformed header":   {"GET /x HTTP/1.1\r\nHost: a\r\nA(: b\r\n\r\n", 400, ""},
		"a malformed length":   {"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n", 400, ""},
		"another version":      {"GET /x HTTP/3.1\r\nHost: a\r\n\r\n", 505, ""},
		"an unknown encoding":  {"GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd\r\n\r\n", 501, ""},
		"an unknown expect":    {"GET /x HTTP/1.1\r\nHost: a\r\nExpect: much\r\n\r\n", 417, "100-continue"},
		"headers too large":    {"GET /x HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n", 431, ""},
		"an untidy path":       {"GET /y//z HTTP/1.1\r\nHost: a\r\n\r\n", 404, "nothing at this path"},
		"the server as a path": {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := raw(t, s, test.request)
			var p Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("status %d, %v: %s", answer.StatusCode, answer.Header, body)
			}
			if answer.StatusCode != test.status || p.Status != test.status || p.Title != http.StatusText(test.status) || !strings.Contains(p.Detail, test.detail) {
				t.Errorf("status %d, %+v, want %d and %q", answer.StatusCode, p, test.status, test.detail)
			}
		})
	}
}

// What a handler answers is never taken for an error of net/http, whatever it says.
func TestAnswersAreLeftAlone(t *testing.T) {
	const text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, text)
	}), defaultTimeouts)
	if answer, body := raw(t, s, "GET /x HTTP/1.0\r\nHost: a\r\n\r\n"); answer.StatusCode != http.StatusTeapot || body != text {
		t.Errorf("status %d: %q", answer.StatusCode, body)
	}
}

func TestClient(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7:1234":            "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":   "192.0.2.7",
		"[2001:db8:1:2::5]:1":       "2001:db8:1:2::/64",
		"[2001:db8:1:2:3:4:5:6]:99": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1":          "fe80::/64",
		"@":                         "@",
	} {
		if got := Client(&http.Request{RemoteAddr: from}); got != want {
			t.Errorf("%s: %q, want %q", from, got, want)
		}
	}
}
