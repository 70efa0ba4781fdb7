package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// listener takes connections on which the errors that net/http answers by itself, before any
// handler is asked, are problem details too. It has no hook for them: they are the one thing that
// it writes past the answer of a handler.
type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return connection{c}, nil
}

type connection struct{ net.Conn }

// Write implements net.Conn. net/http writes such an error at once, headers and text.
func (c connection) Write(b []byte) (int, error) {
	own := ownError(b)
	if own == nil {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(own); err != nil {
		return 0, err
	}
	return len(b), nil
}

// What sets such an error apart from the answer of a handler, which has a date and headers of ours.
var (
	ownHeaders  = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
	ownRefusal  = []byte("HTTP/1.1 417 ") // of an Expect that is not known: it has no text
	statusStart = []byte("HTTP/1.1 ")
)

// ownError makes a problem detail of what net/http writes as an error of its own; nil if it is
// none.
func ownError(b []byte) []byte {
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if !bytes.HasPrefix(line, statusStart) || len(line) < len(statusStart)+3 {
		return nil
	}
	status, err := strconv.Atoi(string(line[len(statusStart) : len(statusStart)+3]))
	if err != nil || status < 400 {
		return nil
	}
	var detail string
	switch {
	case bytes.HasPrefix(b[len(line):], ownHeaders):
		_, text, _ := bytes.Cut(rest, []byte("\r\n\r\n"))
		detail = string(bytes.TrimPrefix(text, line[len(statusStart):]))
		if _, after, found := bytes.Cut(text, []byte(": ")); found {
			detail = string(after)
		}
	case bytes.HasPrefix(line, ownRefusal) && bytes.HasSuffix(b, []byte("\r\n\r\n")):
		detail = "the Expect header may be 100-continue only"
	default:
		return nil
	}
	body, err := json.Marshal(NewProblem(status, "%s", detail))
	if err != nil { // a struct of strings and an int
		panic(err)
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"+
		"X-Content-Type-Options: nosniff\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n",
		status, http.StatusText(status), len(body)+1, body)
}
