package mesh_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh"
)

// rogueReader has a key that links, speaks the leaf protocol by hand and keeps to no permission.
type rogueReader struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
}

// dialRogue logs in at a leaf port, with a seed and whatever name.
func dialRogue(t *testing.T, address, seed, name string) *rogueReader {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(waitLimit))
	r := &rogueReader{t, conn, bufio.NewReader(conn)}
	var info struct{ Nonce string }
	line, err := r.lines.ReadString('\n')
	if err == nil {
		err = json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info)
	}
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	public, _ := pair.PublicKey()
	signature, _ := pair.Sign([]byte(info.Nonce))
	connect, _ := json.Marshal(map[string]any{"nkey": public, "sig": base64.RawURLEncoding.EncodeToString(signature),
		"name": name, "server_id": name, "headers": true, "version": "2.15.2"})
	r.say("CONNECT %s", connect)
	return r
}

func (r *rogueReader) say(format string, values ...any) {
	r.t.Helper()
	if _, err := fmt.Fprintf(r.conn, format+"\r\n", values...); err != nil {
		r.t.Fatal(err)
	}
}

// publish says a message.
func (r *rogueReader) publish(subject, reply string, data []byte) {
	r.t.Helper()
	r.say("LMSG %s %s %d\r\n%s", subject, reply, len(data), data)
}

// heard is all up to the answer to a ping, or to the end of the link.
func (r *rogueReader) heard() (text string, ended bool) {
	r.t.Helper()
	_, _ = io.WriteString(r.conn, "PING\r\n") // the link may have ended
	var all strings.Builder
	for {
		line, err := r.lines.ReadString('\n')
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			r.t.Fatalf("no answer after %q", all.String())
		}
		if err != nil || strings.HasPrefix(line, "PONG") {
			return all.String(), err != nil
		}
		all.WriteString(line)
	}
}

// rogueExporter is a server by hand that says anything to who dials it, and asks for all.
type rogueExporter struct {
	t        *testing.T
	name     string
	listener net.Listener
	work     sync.WaitGroup

	mu    sync.Mutex
	conn  net.Conn // guarded by mu: of the importer; nil: none yet
	got   []string // guarded by mu: subjects that it heard
	said  []byte   // guarded by mu: the last message that it heard
	pongs int      // guarded by mu
}

func startRogueExporter(t *testing.T, name string) *rogueExporter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rogueExporter{t: t, name: name, listener: l}
	r.work.Go(r.accept)
	t.Cleanup(func() {
		_ = l.Close()
		r.mu.Lock()
		if r.conn != nil {
			_ = r.conn.Close()
		}
		r.mu.Unlock()
		r.work.Wait()
	})
	return r
}

func (r *rogueExporter) peer() mesh.Peer {
	return mesh.Peer{Name: r.name, URL: "nats-leaf://" + r.listener.Addr().String()}
}

func (r *rogueExporter) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conn = conn
		r.mu.Unlock()
		r.work.Go(func() { r.serve(conn) })
	}
}

func (r *rogueExporter) serve(conn net.Conn) {
	info := map[string]any{"server_id": r.name, "server_name": r.name, "version": "2.15.2", "nonce": "0123456789abcdef", "headers": true,
		"max_payload": 1 << 20, "client_id": 7, "leafnode_urls": []string{"127.0.0.1:1"}, "proto": 1}
	r.write(conn, "INFO %s\r\n", text(info))
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "CONNECT":
			info["connect_info"] = true
			r.write(conn, "INFO %s\r\nLS+ >\r\nLS+ > thieves 1\r\n", text(info))
		case words[0] == "PING":
			r.write(conn, "PONG\r\n")
		case words[0] == "PONG":
			r.mu.Lock()
			r.pongs++
			r.mu.Unlock()
		case words[0] == "LMSG" || words[0] == "HMSG":
			size, _ := strconv.Atoi(words[len(words)-1])
			data := make([]byte, size+2)
			if _, err := io.ReadFull(lines, data); err != nil {
				return
			}
			r.mu.Lock()
			r.got, r.said = append(r.got, words[1]), data[:size]
			r.mu.Unlock()
		}
	}
}

func text(v any) []byte {
	data, _ := json.Marshal(v)
	return data
}

func (r *rogueExporter) write(conn net.Conn, format string, values ...any) {
	_, _ = fmt.Fprintf(conn, format, values...) // its end is seen by who reads
}

// say publishes a message at the importer, with a reply subject.
func (r *rogueExporter) say(subject, reply string, data []byte) {
	r.mu.Lock()
	conn := r.conn
	r.mu.Unlock()
	r.write(conn, "LMSG %s %s %d\r\n%s\r\n", subject, reply, len(data), data)
}

// sync waits until the importer has read all that was said.
func (r *rogueExporter) sync() {
	r.t.Helper()
	pongs := func() int { r.mu.Lock(); defer r.mu.Unlock(); return r.pongs }
	before := pongs()
	r.mu.Lock()
	conn := r.conn
	r.mu.Unlock()
	r.write(conn, "PING\r\n")
	await(r.t, "an answer of the importer", func() bool { return pongs() > before })
}

// heard are the subjects that it heard.
func (r *rogueExporter) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// last is the last message that it heard.
func (r *rogueExporter) last() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said
}
