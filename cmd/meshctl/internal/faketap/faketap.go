// Package faketap is a tap without a node, for tests: it speaks as much of NATS as a client that
// asks needs, and answers as the test says.
package faketap

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// Answer makes the answer to a request; nil for none.
type Answer func(request *nats.Msg) *nats.Msg

// Open opens a tap of a node with this name, until the test ends. It returns the tap's address,
// with a user and a password that it takes as it takes any.
func Open(t *testing.T, name string, answer Answer) (url string) {
	t.Helper()
	return OpenAt(t, "127.0.0.1:0", name, answer)
}

// OpenAt is Open at an address.
func OpenAt(t *testing.T, address, name string, answer Answer) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer func() { _ = conn.Close() }() // the client is gone already
				(&client{conn, bufio.NewReader(conn), answer}).serve(name)
			})
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		wait.Wait()
	})
	return "nats://operator:secret@" + listener.Addr().String()
}

// Hang opens an address until the test ends, as that of a node that hangs: it takes connections,
// calls connected with each, and says nothing.
func Hang(t *testing.T, connected func(net.Conn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		var open []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
			connected(conn)
		}
		for _, conn := range open {
			_ = conn.Close() // the client is gone already
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		wait.Wait()
	})
	return "nats://operator:secret@" + listener.Addr().String()
}

// Fail is an answer that is an error.
func Fail(code int, text string) *nats.Msg {
	m := &nats.Msg{Header: nats.Header{}}
	m.Header.Set("Nats-Service-Error", text)
	m.Header.Set("Nats-Service-Error-Code", strconv.Itoa(code))
	return m
}

type client struct {
	conn   net.Conn
	in     *bufio.Reader
	answer Answer
}

// serve ends when the client has gone.
func (c *client) serve(name string) {
	fmt.Fprintf(c.conn, "INFO {\"server_id\":\"fake\",\"server_name\":%q,\"version\":\"2.15.2\",\"proto\":1,\"headers\":true,\"max_payload\":1048576}\r\n", name)
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "PING":
			fmt.Fprint(c.conn, "PONG\r\n")
		case "PUB", "HPUB":
			if err := c.published(words); err != nil {
				return
			}
		}
	}
}

// published answers a request: PUB subject reply size, or HPUB subject reply header-size size.
func (c *client) published(words []string) error {
	size, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return err
	}
	body := make([]byte, size+2)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return err
	}
	m := &nats.Msg{Subject: words[1], Reply: words[2], Data: body[:size], Header: nats.Header{}}
	if words[0] == "HPUB" {
		head, err := strconv.Atoi(words[3])
		if err != nil {
			return err
		}
		if m.Header, err = nats.DecodeHeadersMsg(body[:head]); err != nil {
			return err
		}
		m.Data = body[head:size]
	}
	answer := c.answer(m)
	if answer == nil {
		return nil
	}
	var head bytes.Buffer
	if len(answer.Header) > 0 {
		head.WriteString("NATS/1.0\r\n")
		for key, values := range answer.Header {
			fmt.Fprintf(&head, "%s: %s\r\n", key, values[0])
		}
		head.WriteString("\r\n")
		_, err = fmt.Fprintf(c.conn, "HMSG %s 1 %d %d\r\n%s%s\r\n", m.Reply, head.Len(), head.Len()+len(answer.Data), head.Bytes(), answer.Data)
	} else {
		_, err = fmt.Fprintf(c.conn, "MSG %s 1 %d\r\n%s\r\n", m.Reply, len(answer.Data), answer.Data)
	}
	return err
}
