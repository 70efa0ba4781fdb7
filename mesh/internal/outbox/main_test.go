package outbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"leafmesh/mesh/internal/journal"
	"leafmesh/mesh/internal/leaf"
	"leafmesh/mesh/internal/wire"
)

// TestMain is also the program of the child processes that kill_test.go starts.
func TestMain(m *testing.M) {
	if child := children[os.Getenv(childVariable)]; child != nil {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	patience = time.Minute
	solved   = "clue.clue.solved"
	taken    = "clue.hint.taken"
)

// site is a node's server with its outbox, in a directory that outlives it.
type site struct {
	*Outbox
	server *leaf.Server
	conn   *nats.Conn
	config Config
	spec   leaf.Spec
	log    *logBuffer
	peers  *peers
}

func newSite(t testing.TB, change func(*site)) *site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "outbox")
	s := &site{log: &logBuffer{}, peers: newPeers()}
	s.config = Config{
		Node:       "clue-1",
		Dir:        dir,
		Types:      []Type{{Subject: solved, Services: []string{"hunt", "score"}}, {Subject: taken, Services: []string{"score"}}},
		MaxBytes:   16 << 20,
		Duplicates: 100 * time.Millisecond,
		Send:       s.peers.send,
		Service:    serviceOf,
		MaxPayload: leaf.DefaultMaxPayload,
		Log:        journal.New(slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelWarn})), "clue-1"),
		tuning:     tuning{interval: 10 * time.Millisecond, answerTimeout: 2 * time.Second},
	}
	s.spec = leaf.Spec{Name: "clue-1", Outbox: &leaf.Outbox{Dir: dir, MaxBytes: 64 << 20}, Logger: s.config.Log.Logger}
	if change != nil {
		change(s)
	}
	t.Cleanup(func() { s.stop(t) })
	return s
}

// start starts the server and opens the outbox.
func (s *site) start(t testing.TB) (err error) {
	t.Helper()
	s.serve(t)
	s.Outbox, err = Open(timeout(t), s.conn, s.config)
	return err
}

// serve starts the server.
func (s *site) serve(t testing.TB) {
	t.Helper()
	var err error
	if s.server, err = leaf.Start(timeout(t), s.spec); err != nil {
		t.Fatal(err)
	}
	if s.conn, err = s.server.Connect(account); err != nil {
		t.Fatal(err)
	}
	s.config.Reset = s.server.ResetOutbox
}

func (s *site) open(t testing.TB) *site {
	t.Helper()
	if err := s.start(t); err != nil {
		t.Fatal(err)
	}
	return s
}

// stop closes the outbox and stops the server, if they run.
func (s *site) stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.Outbox != nil {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		s.Outbox = nil
	}
	if s.server != nil {
		if err := s.server.Stop(ctx); err != nil {
			t.Error(err)
		}
		s.server = nil
	}
}

func (s *site) reopen(t testing.TB) {
	t.Helper()
	s.stop(t)
	s.open(t)
}

func id(n int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// eventOf is an event with a text for its payload.
func eventOf(n int, key, text string) []byte {
	e := wire.Envelope{ID: id(n), Root: id(n), Key: key, Path: [][]byte{[]byte("clue-1:" + taken)}, Payload: []byte(text)}
	event, err := wire.AppendEvent(nil, &e)
	if err != nil {
		panic(err)
	}
	return event
}

// textOf is the text of such an event, or what else it is.
func textOf(event []byte) []byte {
	var e wire.Envelope
	if wire.DecodeEvent(event, &e) != nil {
		return event
	}
	return e.Payload
}

// store stores the events from..to of a type and waits for them.
func (s *site) store(t testing.TB, subject string, from, to int) {
	t.Helper()
	s.storeKey(t, subject, "t1", from, to)
}

// storeSingly stores each event as a message of its own.
func (s *site) storeSingly(t testing.TB, subject string, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		s.store(t, subject, n, n)
	}
}

func (s *site) storeKey(t testing.TB, subject, key string, from, to int) {
	t.Helper()
	var all []*Pending
	for n := from; n <= to; n++ {
		p, err := s.Store(timeout(t), subject+"."+key, id(n), eventOf(n, key, fmt.Sprint(n)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for i, p := range all {
		if err := p.Wait(timeout(t)); err != nil {
			t.Fatalf("message %d: %v", from+i, err)
		}
	}
}

// events is how many events are in the stream.
func (s *site) events(t testing.TB) uint64 {
	t.Helper()
	n, err := s.sender.count(timeout(t), s.Outbox)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s *site) messages(t testing.TB) uint64 {
	t.Helper()
	info, err := s.stream.Info(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
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
