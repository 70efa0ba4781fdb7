package leaf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func withOutbox(t testing.TB) func(*Spec) {
	dir := filepath.Join(t.TempDir(), "outbox")
	return func(s *Spec) {
		s.Outbox = &Outbox{Dir: dir, MaxBytes: 1 << 20}
	}
}

func (n *node) open(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(n.connect(t, Store))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// stream makes the outbox's stream.
func (n *node) stream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js := n.open(t)
	_, err := js.CreateStream(timeout(t), jetstream.StreamConfig{Name: Stream, Subjects: []string{solved + ".*"}, MaxBytes: 1 << 19})
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func (n *node) store(t testing.TB, texts ...string) {
	t.Helper()
	js := n.open(t)
	for _, text := range texts {
		if _, err := js.Publish(timeout(t), "clue.clue.solved.t1", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func makeConsumer(t testing.TB, js jetstream.JetStream) jetstream.Consumer {
	t.Helper()
	c, err := js.CreateOrUpdateConsumer(timeout(t), Stream,
		jetstream.ConsumerConfig{Durable: "kept", FilterSubject: solved + ".*", AckPolicy: jetstream.AckExplicitPolicy, AckWait: patience})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fetch reads and acknowledges so many messages.
func fetch(t testing.TB, c jetstream.Consumer, many int) []string {
	t.Helper()
	batch, err := c.Fetch(many, jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for m := range batch.Messages() {
		got = append(got, string(m.Data()))
		if err := m.DoubleAck(timeout(t)); err != nil {
			t.Fatal(err)
		}
	}
	if batch.Error() != nil {
		t.Fatal(batch.Error())
	}
	return got
}

// What is stored is there after a reload, and after a restart.
func TestOutbox(t *testing.T) {
	s, clue := spec(t, "clue-1")
	withOutbox(t)(&s)
	clue.start(t, s)
	score := start(t, "score-1", nil)
	c := makeConsumer(t, clue.stream(t))
	clue.store(t, "1", "2")
	if got := fetch(t, c, 2); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %q", got)
	}
	if err := clue.Link(nil, []Importer{score.importer()}); err != nil {
		t.Fatal(err)
	}
	clue.store(t, "3", "4")
	if got := fetch(t, c, 1); fmt.Sprint(got) != "[3]" {
		t.Errorf("after a reload got %q", got)
	}
	if err := clue.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	clue.start(t, s)
	if got := fetch(t, makeConsumer(t, clue.open(t)), 1); fmt.Sprint(got) != "[4]" {
		t.Errorf("after a restart got %q", got)
	}
}

// Without an outbox there is no JetStream, no account but ours, and nothing on disk.
func TestNoOutboxNoJetStream(t *testing.T) {
	t.Chdir(t.TempDir())
	clue := start(t, "clue-1", nil)
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.toExporter(t, "clue-1").linked(t)
	for _, n := range []*node{clue, score} {
		if n.nats.JetStreamEnabled() || n.nats.SystemAccount() != nil || n.nats.StoreDir() != "" {
			t.Errorf("%s: JetStream %v, system account %v, directory %q", n.name, n.nats.JetStreamEnabled(), n.nats.SystemAccount(), n.nats.StoreDir())
		}
		if _, err := n.Connect(Store); err == nil || !strings.Contains(err.Error(), "it has none") {
			t.Errorf("%s: connected to account store: %v", n.name, err)
		}
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
}

// The outbox's files can be read anew any number of times, while the links stay.
func TestResetOutbox(t *testing.T) {
	clue, score := start(t, "clue-1", withOutbox(t)), start(t, "score-1", nil)
	link(t, clue, score)
	score.toExporter(t, "clue-1").linked(t)
	c := makeConsumer(t, clue.stream(t))
	for i := range 20 {
		clue.store(t, number(i))
		if err := clue.ResetOutbox(); err != nil {
			t.Fatal(err)
		}
		if got := fetch(t, c, 1); len(got) != 1 || got[0] != number(i) {
			t.Errorf("got %q", got)
		}
	}
	if l := clue.Links(); !l[0].Connected {
		t.Errorf("the link is gone: %+v", l)
	}
	if err := score.ResetOutbox(); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a node without an outbox: %v", err)
	}
	if err := clue.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := clue.ResetOutbox(); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

// The index of the outbox goes at the start, whatever the directory is called.
func TestIndexIsForgotten(t *testing.T) {
	for _, name := range []string{"outbox", "[a]", "[", "a*"} {
		o := Outbox{Dir: filepath.Join(t.TempDir(), name)}
		index := filepath.Join(o.Dir, "jetstream", "store", "streams", Stream, "msgs", "index.db")
		if err := os.MkdirAll(filepath.Dir(index), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(index, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		lock, err := o.prepare()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := os.Stat(index); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the index is there: %v", name, err)
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An outbox that a former version stored in account out is taken over, with the consumers
// of then. testdata has one, of three messages, the first of them acknowledged.
func TestOutboxIsTakenOver(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		s, clue := spec(t, "clue-1")
		withOutbox(t)(&s)
		if err := os.CopyFS(s.Outbox.Dir, os.DirFS("testdata/stored-in-out")); err != nil {
			t.Fatal(err)
		}
		now, former := s.Outbox.streamDir(Store), s.Outbox.streamDir(formerStore)
		if interrupted { // by a kill before the rename
			if err := os.MkdirAll(filepath.Dir(now), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		clue.start(t, s)
		js := clue.open(t)
		if _, err := js.Consumer(timeout(t), Stream, "score-clue_clue_solved"); err != nil {
			t.Errorf("the consumer of then: %v", err)
		}
		if got := fetch(t, makeConsumer(t, js), 3); fmt.Sprint(got) != "[1 2 3]" {
			t.Errorf("got %q", got)
		}
		clue.store(t, "4")
		if err := clue.Stop(timeout(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(s.Outbox.Dir, "jetstream", "out")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the former place is there: %v", err)
		}
		// Two of them are for an operator to decide about.
		if err := os.MkdirAll(former, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(t.Context(), s); err == nil || !strings.Contains(err.Error(), former) || !strings.Contains(err.Error(), now) {
			t.Errorf("with two outboxes: %v", err)
		}
		if err := os.Remove(former); err != nil { // the lock is free again
			t.Fatal(err)
		}
		clue.start(t, s)
		if got := fetch(t, makeConsumer(t, clue.open(t)), 1); fmt.Sprint(got) != "[4]" {
			t.Errorf("after a restart got %q", got)
		}
	}
}
