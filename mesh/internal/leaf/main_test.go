package leaf

import (
	"context"
	"fmt"
	"leafmesh/mesh/logs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"
)

// TestMain also proves that Stop leaves no goroutine, for every test here.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// node is a server of a test and its keys.
type node struct {
	*Server
	name, seed, public string
	log                *logBuffer
	handler            *logs.Handler // before log, as a node has it
}

// spec is one for tests, with an nkey of its own.
func spec(t testing.TB, name string) (Spec, *node) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := pair.Seed()
	public, _ := pair.PublicKey()
	n := &node{name: name, seed: string(seed), public: public, log: &logBuffer{}}
	n.handler = logs.New(slog.NewTextHandler(n.log, nil), nil)
	t.Cleanup(func() { _ = n.handler.Close() })
	return Spec{
		Name:   name,
		Listen: "127.0.0.1:0",
		Seed:   n.seed,
		Logger: slog.New(n.handler),
		tuning: tuning{reconnect: 100 * time.Millisecond, links: 1000},
	}, n
}

// serve starts a server whose ports answer.
func serve(t testing.TB, s Spec) *Server {
	t.Helper()
	server, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	return server
}

func (n *node) start(t testing.TB, s Spec) *node {
	t.Helper()
	server := serve(t, s)
	n.Server = server
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func start(t testing.TB, name string, change func(*Spec)) *node {
	t.Helper()
	s, n := spec(t, name)
	if change != nil {
		change(&s)
	}
	return n.start(t, s)
}

func (n *node) importer() Importer { return Importer{Name: n.name, Keys: []string{n.public}} }

func (n *node) remote() Remote {
	return Remote{Name: n.name, URL: "nats-leaf://" + n.ListenAddr(), Keys: []string{n.public}}
}

// link lets each importer read from the exporter.
func link(t testing.TB, exporter *node, importers ...*node) {
	t.Helper()
	var list []Importer
	for _, importer := range importers {
		list = append(list, importer.importer())
	}
	if err := exporter.Link(nil, list); err != nil {
		t.Fatal(err)
	}
	for _, importer := range importers {
		if err := importer.Link([]Remote{exporter.remote()}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func (n *node) connect(t testing.TB, account Account) *nats.Conn {
	t.Helper()
	c, err := n.Connect(account)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// solved is the subject of an event type.
const solved = "clue.clue.solved"

// toReader is the line to an importer of a node.
func (n *node) toReader(t testing.TB, importer *node) *Line {
	t.Helper()
	l, err := n.ToReader(importer.name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// toExporter is the line to an exporter of a node.
func (n *node) toExporter(t testing.TB, exporter string) *Line {
	t.Helper()
	l, err := n.ToExporter(exporter)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hears waits until the peer of a line listens to the subject.
func (l *Line) hears(t testing.TB, subject string) {
	t.Helper()
	eventually(t, l.peer+" listens to "+subject, func() bool { return l.Hears(subject) })
}

// linked waits until the link of a line is up, and returns its number.
func (l *Line) linked(t testing.TB) (number uint64) {
	t.Helper()
	eventually(t, "a link to "+l.peer, func() (up bool) { number, up = l.Link(); return up })
	return number
}

// send publishes a message on a line.
func (l *Line) send(t testing.TB, subject, text string) {
	t.Helper()
	publish(t, l.conn, subject, text)
}

// hear collects what the peer of a line publishes.
func (l *Line) hear(t testing.TB, subject string) *inbox {
	t.Helper()
	return subscribe(t, l.conn, subject, "")
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func publish(t testing.TB, c *nats.Conn, subject, text string) {
	t.Helper()
	if err := c.Publish(subject, []byte(text)); err != nil {
		t.Fatal(err)
	}
	flush(t, c)
}

func flush(t testing.TB, c *nats.Conn) {
	t.Helper()
	if err := c.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
}

// inbox collects what a subscription gets.
type inbox struct {
	mu   sync.Mutex
	got  []string
	wake chan struct{}
}

func subscribe(t testing.TB, c *nats.Conn, subject, queue string) *inbox {
	t.Helper()
	b := &inbox{wake: make(chan struct{}, 1)}
	_, err := c.QueueSubscribe(subject, queue, func(m *nats.Msg) {
		b.mu.Lock()
		b.got = append(b.got, m.Subject+" "+string(m.Data))
		b.mu.Unlock()
		select {
		case b.wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	flush(t, c)
	return b
}

func (b *inbox) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.got...)
}

// await waits for the message, and returns all that came up to then.
func (b *inbox) await(t testing.TB, message string) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		for _, m := range b.all() {
			if m == message {
				return b.all()
			}
		}
		select {
		case <-b.wake:
		case <-deadline:
			t.Fatalf("no %q, got %q", message, b.all())
		}
	}
}

// eventually waits for a condition that announces itself by nothing.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func number(i int) string { return fmt.Sprintf("n-%d", i) }
