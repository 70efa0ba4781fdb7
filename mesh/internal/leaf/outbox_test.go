package leaf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const kept = "score-clue_clue_solved"

func withOutbox(t testing.TB) func(*Spec) {
	dir := filepath.Join(t.TempDir(), "outbox")
	return func(s *Spec) {
		s.Exports = []string{solved}
		s.Outbox = &Outbox{Dir: dir, MaxBytes: 1 << 20}
	}
}

func (n *node) consumer(consumers ...string) Importer {
	i := n.importer()
	i.Consumers = consumers
	return i
}

// stream makes the outbox's stream.
func (n *node) stream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(n.connect(t, Out))
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.CreateStream(timeout(t), jetstream.StreamConfig{Name: Stream, Subjects: []string{solved}, MaxBytes: 1 << 19})
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func (n *node) store(t testing.TB, texts ...string) {
	t.Helper()
	js, err := jetstream.New(n.connect(t, Out))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if _, err := js.Publish(timeout(t), "clue.clue.solved.t1", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// read opens the domain of an exporter as an importer does.
func (n *node) read(t testing.TB, domain string) jetstream.JetStream {
	t.Helper()
	c, err := n.Connect(In, nats.CustomInboxPrefix(InboxPrefix(n.name)))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.NewWithDomain(c, domain)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func durable(name string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{Durable: name, FilterSubject: solved, AckPolicy: jetstream.AckExplicitPolicy, AckWait: patience}
}

func makeConsumer(t testing.TB, js jetstream.JetStream, config jetstream.ConsumerConfig) jetstream.Consumer {
	t.Helper()
	c, err := js.CreateOrUpdateConsumer(timeout(t), Stream, config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// take reads and acknowledges so many messages.
func take(t testing.TB, c jetstream.Consumer, many int) []string {
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

// A service reads and acknowledges over the link what it is kept, and goes on after a
// reload and after both sides were down.
func TestOutboxOverALink(t *testing.T) {
	s, clue := spec(t, "clue-1")
	withOutbox(t)(&s)
	clue.start(t, s)
	score := start(t, "score-1", nil)
	if err := clue.Link(nil, []Importer{score.consumer(kept)}); err != nil {
		t.Fatal(err)
	}
	if err := score.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	score.ready(t, clue)
	clue.stream(t)
	clue.store(t, "1", "2")
	c := makeConsumer(t, score.read(t, "clue-1"), durable(kept))
	if got := take(t, c, 2); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %q", got)
	}
	if links := score.Links(); len(links[0].Subjects) > 0 {
		t.Errorf("inboxes are listed: %q", links[0].Subjects)
	}
	hunt := start(t, "hunt-1", nil)
	if err := clue.Link(nil, []Importer{score.consumer(kept), hunt.importer()}); err != nil {
		t.Fatal(err)
	}
	clue.store(t, "3")
	if got := take(t, c, 1); fmt.Sprint(got) != "[3]" {
		t.Errorf("after a reload got %q", got)
	}
	address := clue.ListenAddr()
	if err := clue.Stop(timeout(t)); err != nil {
		t.Fatal(err)
	}
	// Else Ready may still mean the former link, and what is asked over that is lost.
	eventually(t, "link down", func() bool { return !score.Links()[0].Connected })
	s.Listen, s.Importers = address, []Importer{score.consumer(kept)}
	clue.start(t, s)
	clue.store(t, "4")
	score.ready(t, clue)
	if got := take(t, c, 1); fmt.Sprint(got) != "[4]" {
		t.Errorf("after a restart got %q", got)
	}
}

// An acknowledgement at one instance of a service is none at another.
func TestAcksAreOfOneNode(t *testing.T) {
	score := start(t, "score-1", nil)
	var remotes []Remote
	for _, name := range []string{"clue-1", "clue-2"} {
		clue := start(t, name, withOutbox(t))
		if err := clue.Link(nil, []Importer{score.consumer(kept)}); err != nil {
			t.Fatal(err)
		}
		clue.stream(t)
		clue.store(t, name+" 1", name+" 2")
		remotes = append(remotes, clue.remote())
	}
	if err := score.Link(remotes, nil); err != nil {
		t.Fatal(err)
	}
	var consumers []jetstream.Consumer
	for _, remote := range remotes {
		if err := score.Ready(timeout(t), remote.Name, nil); err != nil {
			t.Fatal(err)
		}
		consumers = append(consumers, makeConsumer(t, score.read(t, remote.Name), durable(kept)))
	}
	// What the other has delivered and not acknowledged stays so.
	held, err := consumers[1].Fetch(2, jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	for range held.Messages() {
	}
	take(t, consumers[0], 2)
	info, err := consumers[1].Info(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.NumAckPending != 2 {
		t.Errorf("%d of 2 wait for their acknowledgement at clue-2", info.NumAckPending)
	}
}

// Without an outbox there is no JetStream, no account but ours, and nothing on disk.
func TestNoOutboxNoJetStream(t *testing.T) {
	t.Chdir(t.TempDir())
	clue := start(t, "clue-1", func(s *Spec) { s.Exports = []string{solved} })
	score := start(t, "score-1", nil)
	link(t, clue, score)
	score.ready(t, clue)
	for _, n := range []*node{clue, score} {
		if n.nats.JetStreamEnabled() || n.nats.SystemAccount() != nil || n.nats.StoreDir() != "" {
			t.Errorf("%s: JetStream %v, system account %v, directory %q", n.name, n.nats.JetStreamEnabled(), n.nats.SystemAccount(), n.nats.StoreDir())
		}
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("files %v, %v", files, err)
	}
}

// The outbox's files can be read anew any number of times, while the links stay.
func TestResetOutbox(t *testing.T) {
	clue, score := start(t, "clue-1", withOutbox(t)), start(t, "score-1", nil)
	if err := clue.Link(nil, []Importer{score.consumer(kept)}); err != nil {
		t.Fatal(err)
	}
	if err := score.Link([]Remote{clue.remote()}, nil); err != nil {
		t.Fatal(err)
	}
	score.ready(t, clue)
	clue.stream(t)
	c := makeConsumer(t, score.read(t, "clue-1"), durable(kept))
	for i := range 20 {
		clue.store(t, number(i))
		if err := clue.ResetOutbox(); err != nil {
			t.Fatal(err)
		}
		if got := take(t, c, 1); len(got) != 1 || got[0] != number(i) {
			t.Errorf("got %q", got)
		}
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
		index := filepath.Join(o.Dir, "jetstream", "out", "streams", Stream, "msgs", "index.db")
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
